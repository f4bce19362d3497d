/* vm_stack.c -- an interpreter's value stack, in memory from malloc, scanned by
 * a callback; and where the frames that hold pointers begin. */
#include <gcx/gcx.h>
#include <gcx/stack.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vm {
    void **values;
    size_t count;
    size_t capacity;
};

/* Runs in every cycle, the world stopped: shows what is in use, does no more. */
static void scan_vm(gcx_scanner *scanner, void *arg)
{
    const struct vm *vm = arg;
    gcx_scan_range(scanner, vm->values, vm->values + vm->count);
}

/* A cycle may come with any allocation, so the stack is valid at each. */
static int push(struct vm *vm, void *value)
{
    if (vm->count == vm->capacity) {
        size_t capacity = vm->capacity != 0 ? 2 * vm->capacity : 16;
        void **values = calloc(capacity, sizeof *values);
        if (values == NULL)
            return -1;
        if (vm->count != 0)
            memcpy(values, vm->values, vm->count * sizeof *values);
        void **old = vm->values;
        vm->values = values;
        vm->capacity = capacity;
        free(old);
    }
    vm->values[vm->count] = value;
    vm->count++;
    return 0;
}

static __attribute__((noinline)) int run(struct vm *vm)
{
    for (int i = 0; i < 10000; i++) {
        char *s;
        if (gcx_asprintf(&s, "value %d", i) < 0 || push(vm, s) != 0)
            return -1;
    }
    gcx_collect(GCX_FULL);
    for (int i = 0; i < 10000; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "value %d", i);
        if (strcmp(vm->values[i], expected) != 0)
            return -1;
    }
    return 0;
}

int main(void)
{
    struct vm vm = {0};
    /* From here on down; the frames of whoever called main hold nothing. */
    if (gcx_thread_set_stack_base((char *)__builtin_frame_address(0) + 16, NULL) != 0)
        return 1;
    gcx_stack *stack = gcx_stack_register_callback(scan_vm, &vm);
    if (stack == NULL || run(&vm) != 0)
        return 1;
    printf("%s to %s\n", (char *)vm.values[0], (char *)vm.values[vm.count - 1]);
    if (gcx_stack_unregister(stack) != 0)
        return 1;
    free(vm.values);
    return 0;
}
