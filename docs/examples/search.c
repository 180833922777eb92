/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>
#include <eddy/search.h>

static int balance;

struct pay_in {
    int amount;
};
static int pay_in(struct pay_in *a)
{
    int before = balance;
    int r = eddy_sleep(0); /* such as a look into the database */
    balance = before + a->amount;
    return r;
}

static int two_payments(void)
{
    balance = 0;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pay_in, .amount = 10);
        eddy_spawn(g, pay_in, .amount = 20);
    }
    if (err == 0 && balance != 30)
        return eddy_fail(-EBADE, "money is lost");
    return err;
}

int main(void)
{
    struct eddy_search_options search = {.name = "two_payments",
                                         .scenario = two_payments,
                                         .strategy = EDDY_SEARCH_EXHAUSTIVE,
                                         .quiet = true};
    struct eddy_search_result result;
    int r = eddy_search(&search, &result);
    printf("%s\n", r < 0 ? result.why : "nothing found");
    return r == 0;
}
