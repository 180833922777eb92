/* SPDX-License-Identifier: MIT */
/*
 * An intrusive doubly linked list: O(1) append and remove, no allocation. A zeroed one is empty.
 */
#ifndef EDDY_SRC_LIST_H
#define EDDY_SRC_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *previous;
};

struct list {
    struct link *first, *last;
};

static inline void list_append(struct list *list, struct link *link)
{
    link->next = NULL;
    link->previous = list->last;
    if (list->last)
        list->last->next = link;
    else
        list->first = link;
    list->last = link;
}

static inline void list_remove(struct list *list, struct link *link)
{
    if (link->previous)
        link->previous->next = link->next;
    else
        list->first = link->next;
    if (link->next)
        link->next->previous = link->previous;
    else
        list->last = link->previous;
}

static inline struct link *list_take_first(struct list *list)
{
    struct link *link = list->first;
    if (link)
        list_remove(list, link);
    return link;
}

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
