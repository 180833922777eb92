/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_lock lock = EDDY_LOCK_INIT;
static eddy_condition changed = EDDY_CONDITION_INIT(&lock);
static int balance;

struct withdraw {
    int amount;
};
static bool enough(void *context)
{
    return balance >= ((struct withdraw *)context)->amount;
}
static int withdraw(struct withdraw *a)
{
    int err;
    eddy_with_condition (&changed, &err) {
        err = eddy_condition_wait_until(&changed, enough, a);
        if (err == 0) {
            balance -= a->amount;
            printf("%d taken, %d left\n", a->amount, balance);
        }
    }
    return err;
}

static int bank(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, withdraw, .amount = 50);
        for (int i = 0; i < 3 && err == 0; i++) {
            err = eddy_sleep(1.0);
            int refused;
            eddy_with_condition (&changed, &refused) {
                balance += 20;
                printf("20 paid in\n");
                eddy_condition_notify_all(&changed);
            }
        }
    }
    return err;
}

int main(void)
{
    return eddy_run(bank) < 0;
}
