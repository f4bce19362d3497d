/* app_full.c -- a client that uses threads, thread-local storage, a fiber's
 * stack, a signal handler and fork, as C or as C++: what each way to link the
 * library, each C library and each sanitizer must run. */
#include <gcx/gcx.h>
#include <gcx/stack.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct node {
    struct node *next;
    int value;
};

static struct node *in_data;
static __thread struct node *in_tls;

static struct node *make_list(int length)
{
    struct node *list = NULL;
    for (int i = 0; i < length; i++) {
        struct node *n = (struct node *)gcx_alloc(sizeof *n);
        if (n == NULL)
            exit(2);
        n->next = list;
        n->value = i;
        list = n;
    }
    return list;
}

static int is_list(const struct node *n, int length)
{
    for (; n != NULL; n = n->next)
        if (n->value != --length)
            return 0;
    return length == 0;
}

/* The argument is known to nobody else. */
static void *thread_main(void *arg)
{
    gcx_thread_register();
    in_tls = make_list(500);
    for (int i = 0; i < 20; i++) {
        struct node *list = make_list(2000);
        if (i % 4 == 0)
            gcx_collect(i % 8 == 0 ? GCX_FULL : GCX_MINOR);
        if (!is_list(list, 2000) || !is_list(in_tls, 500))
            exit(3);
    }
    return is_list((struct node *)arg, 300) ? arg : NULL;
}

static void threads(void)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        if (gcx_thread_create(&thread[i], NULL, thread_main, make_list(300)) != 0)
            exit(4);
    gcx_collect(GCX_FULL);
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(thread[i], &result);
        if (result == NULL)
            exit(5);
    }
}

static void processes(void)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        gcx_collect(GCX_FULL);
        _exit(is_list(in_data, 1000) ? 0 : 1);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(6);
}

/* A prepared stack that nothing has run on yet. */
static void stacks(void)
{
    size_t bytes = 65536;
    char *memory = (char *)malloc(bytes);
    struct node **top = (struct node **)(void *)(memory + bytes);
    top[-1] = make_list(100);
    gcx_stack *stack = gcx_stack_register(memory, memory + bytes, top - 1);
    gcx_collect(GCX_FULL);
    make_list(10000);
    if (stack == NULL || !is_list(top[-1], 100) || gcx_stack_unregister(stack) != 0)
        exit(7);
    free(memory);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals = signals + 1;
}

int main(void)
{
    if (signal(SIGUSR1, on_signal) == SIG_ERR || signal(SIGSEGV, on_signal) == SIG_ERR)
        return 1;
    in_data = make_list(1000);
    in_tls = make_list(1000);
    threads();
    processes();
    stacks();
    raise(SIGUSR1);
    gcx_collect(GCX_FULL);
    if (!is_list(in_data, 1000) || !is_list(in_tls, 1000) || signals != 1)
        return 1;
    printf("gcx %s works\n", gcx_version());
    return 0;
}
