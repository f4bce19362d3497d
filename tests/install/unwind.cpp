// unwind.cpp -- C++ exceptions across frames that hold objects, on an ordinary
// stack and on a fiber's; objects in containers are known by a root. Scopes that an
// exception leaves are over.
#include <gcx/gcx.h>
#include <gcx/scope.h>
#include <gcx/stack.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <ucontext.h>

namespace {

struct node {
    node *next;
    int value;
};

node *make_list(int length)
{
    node *list = nullptr;
    for (int i = 0; i < length; i++) {
        node *n = static_cast<node *>(gcx_alloc(sizeof(node)));
        n->next = list;
        n->value = i;
        list = n;
    }
    return list;
}

bool is_list(const node *n, int length)
{
    for (; n != nullptr; n = n->next)
        if (n->value != --length)
            return false;
    return length == 0;
}

int unwound;

struct holder {
    node *list;
    explicit holder(int n) : list(make_list(n)) {}
    ~holder()
    {
        gcx_collect(GCX_MINOR);
        if (!is_list(list, 50))
            std::abort();
        unwound++;
    }
};

struct carrier : std::runtime_error {
    explicit carrier(const char *what) : std::runtime_error(what) {}
};

__attribute__((noinline)) void dive(int depth)
{
    holder held(50);
    if (depth == 0) {
        make_list(5000);
        gcx_collect(GCX_FULL);
        throw carrier("far down");
    }
    dive(depth - 1);
}

void throw_and_catch()
{
    node *kept = make_list(200);
    for (int i = 0; i < 50; i++) {
        try {
            dive(i % 10);
            std::abort();
        } catch (const carrier &) {
            gcx_collect(GCX_MINOR);
        }
    }
    if (!is_list(kept, 200))
        std::abort();
}

std::uintptr_t hidden_of_scope(bool throws)
{
    std::uintptr_t hidden = 0;
    try {
        GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
        {
            GCX_SCOPE_AS(inner, GCX_PROMISE_TRUSTED)
            {
                hidden = ~reinterpret_cast<std::uintptr_t>(gcx_scope_alloc(48));
                if (throws)
                    throw carrier("out of both");
            }
        }
    } catch (const carrier &) {
    }
    return hidden;
}

// Memory is used again whichever way the scopes were left.
void throw_out_of_scopes()
{
    hidden_of_scope(false);
    std::uintptr_t first = hidden_of_scope(false);
    for (int i = 0; i < 10; i++)
        if (hidden_of_scope(i % 2 == 0) != first)
            std::abort();
}

ucontext_t main_context, fiber_context;
gcx_stack *fiber_stack;

void fiber_main()
{
    throw_and_catch();
    gcx_stack_switch(fiber_stack, nullptr);
    swapcontext(&fiber_context, &main_context);
}

} // namespace

int main()
{
    const size_t bytes = 1 << 20;
    char *memory = static_cast<char *>(std::malloc(bytes));
    throw_and_catch();
    throw_out_of_scopes();
    getcontext(&fiber_context);
    fiber_context.uc_stack.ss_sp = memory;
    fiber_context.uc_stack.ss_size = bytes;
    makecontext(&fiber_context, fiber_main, 0);
    fiber_stack = gcx_stack_register(memory, memory + bytes, memory + bytes);
    if (fiber_stack == nullptr || gcx_stack_switch(nullptr, fiber_stack) != 0)
        return 1;
    swapcontext(&main_context, &fiber_context);
    if (gcx_stack_unregister(fiber_stack) != 0)
        return 1;
    std::free(memory);
    std::printf("%d frames unwound\ngcx %s works\n", unwound, gcx_version());
    return unwound == 2 * (50 * 11 / 2) ? 0 : 1;
}
