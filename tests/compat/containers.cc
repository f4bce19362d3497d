/* Containers of C++ on the collector's allocators, in C++98 and later.
 *
 * SPDX-License-Identifier: MIT */
#include <gc/gc_allocator.h>
#include <gc/gc_cpp.h>
#include <cstdio>
#include <list>
#include <map>
#include <vector>

struct node : public gc {
    int value;
    node(int v) : value(v) {}
};

typedef std::pair<const int, node *> entry;

template <class Allocator> static int sum_of_vector()
{
    std::vector<node *, Allocator> nodes;
    for (int i = 0; i < 5000; i++)
        nodes.push_back(new node(i));
    GC_gcollect();
    int sum = 0;
    for (std::size_t i = 0; i < nodes.size(); i++)
        sum += nodes[i]->value;
    return sum;
}

template <class Allocator> static int sum_of_map()
{
    std::map<int, node *, std::less<int>, Allocator> nodes;
    for (int i = 0; i < 1000; i++)
        nodes[i] = new node(i);
    GC_gcollect();
    int sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += nodes[i]->value;
    return sum;
}

template <class Allocator> static int sum_of_list()
{
    std::list<int, Allocator> numbers;
    for (int i = 0; i < 1000; i++)
        numbers.push_back(i);
    GC_gcollect();
    int sum = 0;
    for (typename std::list<int, Allocator>::iterator at = numbers.begin(); at != numbers.end(); ++at)
        sum += *at;
    return sum;
}

int main()
{
    GC_INIT();
    std::printf("%d %d %d\n", sum_of_vector<gc_allocator<node *> >(),
                sum_of_vector<gc_allocator_ignore_off_page<node *> >(),
                sum_of_vector<traceable_allocator<node *> >());
    std::printf("%d %d %d\n", sum_of_map<gc_allocator<entry> >(),
                sum_of_map<gc_allocator_ignore_off_page<entry> >(),
                sum_of_map<traceable_allocator<entry> >());
    std::printf("%d %d %d\n", sum_of_list<gc_allocator<int> >(),
                sum_of_list<gc_allocator_ignore_off_page<int> >(),
                sum_of_list<traceable_allocator<int> >());
    std::vector<char, gc_allocator_ignore_off_page<char> > large(1000000);
    gc_allocator_ignore_off_page<char> one;
    gc_allocator_ignore_off_page<int> other(one);
    std::printf("%d %d %d\n", large[999999], one == other, one != other);
    return 0;
}
