/* Trees of objects. SPDX-License-Identifier: MIT */
#include <objc/objc.h>
#include <objc/runtime.h>
#include <stdio.h>

@interface Node {
    Class isa;
@public
    Node *left, *right;
}
+ (Node *)tree:(int)depth;
- (int)count;
@end

@implementation Node
+ (Node *)tree:(int)depth
{
    if (depth == 0)
        return nil;
    Node *node = class_createInstance(self, 0);
    node->left = [self tree:depth - 1];
    node->right = [self tree:depth - 1];
    return node;
}
- (int)count
{
    return 1 + [left count] + [right count];
}
@end

int main(void)
{
    Node *kept = [Node tree:18];
    for (int i = 0; i < 60; i++)
        [[Node tree:14] count];
    printf("%d\n", [kept count]);
    return 0;
}
