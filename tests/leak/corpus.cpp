// corpus.cpp -- C++: with the argument "lost" it loses blocks, else none.
//
// SPDX-License-Identifier: MIT
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct alignas(64) Wide {
    char bytes[128];
};

struct First {
    virtual ~First() = default;
    long first = 1;
};

struct Second {
    virtual ~Second() = default;
    long second = 2;
};

struct Both : First, Second {
    std::string name = "a string that does not fit into the object itself";
};

static std::map<std::string, std::vector<int>> table;
static Second *volatile kept; // not the address of the block
static std::string *volatile array;

template <class T> __attribute__((noinline)) void use(T *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
}

namespace app
{
__attribute__((noinline)) void lose(int)
{
    use(new int(7));
    use(new Wide);
    use(new std::vector<char>(1000));
}
} // namespace app

__attribute__((noinline)) static void keep()
{
    kept = new Both;
    array = new std::string[10]; // a count lies before it
    for (int i = 0; i < 100; i++)
        table[std::to_string(i)].assign(static_cast<size_t>(i), i);
}

__attribute__((noinline)) static void release()
{
    std::list<std::unique_ptr<First>> list;
    for (int i = 0; i < 100; i++)
        list.emplace_back(new Both);
    try {
        std::ostringstream out;
        out << "text " << 1.5;
        throw std::runtime_error(out.str());
    } catch (const std::exception &e) {
        use(e.what());
    }
    std::thread([] { use(std::make_shared<Both>().get()); }).join();
    delete new (std::nothrow) Wide;
}

__attribute__((noinline)) static void clear_stack()
{
    volatile char unused[65536];
    memset(const_cast<char *>(unused), 0, sizeof unused);
    use(unused);
}

int main(int argc, char **argv)
{
    keep();
    release();
    if (argc > 1 && std::string(argv[1]) == "lost")
        app::lose(1);
    clear_stack();
    return 0;
}
