/* SPDX-License-Identifier: MIT */
/* The simulated resolver. */
#include "resolve.h"
#include "support/sim_test.h"

static const struct eddy_sim_options plain = {.order = EDDY_SIM_FIFO};

static int count_of(const char *host)
{
    struct address_list list;
    int r = resolve(host, 80, &list);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.count; i++) {
        char text[ADDRESS_TEXT_SIZE];
        (void)address_text(&list.addresses[i], text, sizeof text);
        note("%s", text);
    }
    return (int)list.count;
}

static int names(void)
{
    CHECK_INT(count_of("localhost"), 2);
    CHECK_NOTES("127.0.0.1:80 [::1]:80");
    CHECK_INT(count_of("LocalHost"), 2);
    CHECK_NOTES("127.0.0.1:80 [::1]:80");
    CHECK_INT(count_of("localhost."), 2);
    CHECK_NOTES("127.0.0.1:80 [::1]:80");
    CHECK_INT(count_of("db.localhost"), 2);
    CHECK_NOTES("127.0.0.1:80 [::1]:80");
    CHECK_INT(count_of(".localhost"), -ENOENT);
    CHECK_INT(count_of("10.0.0.9"), 1);
    CHECK_NOTES("10.0.0.9:80");
    CHECK_INT(count_of("a.example"), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't resolve 'a.example': Name or service not known");
    CHECK_INT(eddy_sim_set_name("a.example", "10.0.0.1"), 0);
    CHECK_INT(eddy_sim_set_name("A.example", "fd00::1"), 0);
    CHECK_INT(eddy_sim_set_name("a.example", "10.0.0.1"), 0); /* known */
    CHECK_INT(count_of("a.example"), 2);
    CHECK_NOTES("10.0.0.1:80 [fd00::1]:80");
    CHECK_INT(eddy_sim_set_name("localhost", "10.0.0.2"), 0);
    CHECK_INT(count_of("localhost"), 1);
    CHECK_NOTES("10.0.0.2:80");
    CHECK_TIME(0);
    return 0;
}

PLAIN_TEST(names_have_the_addresses_that_they_were_given)
{
    EXPECT_INT(simulate(1, plain, names), 0);
}

static int bad_names(void)
{
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK_INT(eddy_sim_set_name(NULL, "10.0.0.1"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_name: not a name: ''");
    CHECK_INT(eddy_sim_set_name("", "10.0.0.1"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "not a name");
    CHECK_INT(eddy_sim_set_name(name, "10.0.0.1"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "not a name: 'aaaaaaaa");
    CHECK_INT(eddy_sim_set_name("a", "10.0.0"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "'10.0.0' isn't an address");
    CHECK_INT(eddy_sim_set_name("a", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "'' isn't an address");
    for (int i = 0; i < 32; i++) {
        (void)snprintf(name, sizeof name, "10.0.0.%d", i);
        CHECK_INT(eddy_sim_set_name("a", name), 0);
    }
    CHECK_INT(eddy_sim_set_name("a", "10.0.1.0"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a has 32 addresses, the most");
    CHECK_INT(eddy_sim_set_resolver(-1, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a delay of -1 s and the error 0");
    CHECK_INT(eddy_sim_set_resolver(__builtin_nan(""), 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a delay of nan s");
    CHECK_INT(eddy_sim_set_resolver(0, 5), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a delay of 0 s and the error 5");
    return 0;
}

PLAIN_TEST(bad_names_are_refused)
{
    EXPECT_INT(simulate(1, plain, bad_names), 0);
}

static int slow_resolver(void)
{
    int err, r = 1;
    CHECK_INT(eddy_sim_set_resolver(2.5, 0), 0);
    CHECK_INT(count_of("localhost"), 2);
    CHECK_TIME(2.5);
    CHECK_INT(count_of("127.0.0.1"), 1); /* nothing to be asked */
    CHECK_TIME(2.5);
    eddy_with_timeout (1, &err)
        err = r = count_of("localhost");
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(3.5);
    CHECK_INT(eddy_sim_set_resolver(EDDY_FOREVER, 0), 0);
    eddy_with_timeout (100, &err)
        err = r = count_of("localhost");
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_sim_set_resolver(1, -EAGAIN), 0);
    CHECK_INT(count_of("localhost"), -EAGAIN);
    CHECK_TIME(104.5);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't resolve 'localhost'");
    return 0;
}

PLAIN_TEST(look_ups_take_time_and_fail)
{
    EXPECT_INT(simulate(1, plain, slow_resolver), 0);
}

static int no_answer(void)
{
    CHECK_INT(eddy_sim_set_resolver(EDDY_FOREVER, 0), 0);
    return count_of("localhost");
}

PLAIN_TEST(no_answer_is_a_deadlock)
{
    EXPECT_INT(simulate(1, plain, no_answer), -EDEADLK);
    EXPECT_REPORT(EDDY_LOG_NOTE, "nothing can happen any more, and 1 task waits");
}
