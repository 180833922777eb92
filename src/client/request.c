/* SPDX-License-Identifier: MIT */
/*
 * Requests: from what the caller wrote to what is sent, hop by hop.
 *
 *     plan -> response_send -> headers -> a redirect? -> its checks -> the next plan -> ...
 *                                 |
 *                                 +-> the response
 */
#include <eddy.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "session.h"

void plan_clear(struct plan *plan)
{
    free(plan->method);
    url_clear(&plan->url);
    field_clear(&plan->fields);
    payload_release(plan->payload);
    *plan = (struct plan){0};
}

/* ---- what the caller wrote ---- */

static int refuse(const char *method, const char *url, int code, const char *why)
{
    char shown[220];
    url_show_raw(url, shown, sizeof shown);
    return eddy_fail(code, "%s %s: %s", method, shown, why);
}

static int plan_fields(struct plan *plan, const struct eddy_http_request_options *request)
{
    const char *method = plan->method;
    for (const struct eddy_http_field *field = request->headers; field && field->name; field++) {
        if (!field_is_token(field->name))
            return refuse(method, request->url, -EINVAL, "a header field's name isn't a token");
        if (!field->value || !field_is_value(field->value))
            return eddy_fail(-EINVAL, "%s %s: the value of header field %.60s %s", method,
                             plan->url.shown, field->name,
                             field->value ? "has a control character in it" : "is NULL");
        if (strcasecmp(field->name, "Content-Length") == 0 ||
            strcasecmp(field->name, "Transfer-Encoding") == 0)
            return eddy_fail(-EINVAL, "%s %s: header field %s can't be set", method,
                             plan->url.shown, field->name);
        if (field_add(&plan->fields, field->name, strlen(field->name), field->value,
                      strlen(field->value)) < 0)
            return eddy_fail(-ENOMEM, "no memory for a request");
    }
    return 0;
}

static int plan_payload(struct plan *plan, const struct eddy_http_request_options *request)
{
    if (request->json) {
        char *text;
        size_t size;
        int r = json_text(request->json, &text, &size);
        if (r < 0)
            return r;
        plan->payload = payload_new(text, size);
        free(text);
        if (plan->payload && !field_find(&plan->fields, "Content-Type") &&
            field_add(&plan->fields, "Content-Type", 12, "application/json", 16) < 0)
            return eddy_fail(-ENOMEM, "no memory for a request");
    } else {
        plan->payload = payload_new(request->body, request->body_size);
    }
    return plan->payload ? 0 : eddy_fail(-ENOMEM, "no memory for a request");
}

static int plan_make(struct plan *plan, const struct eddy_http_request_options *request)
{
    bool with_body = request->body || request->json;
    const char *method = request->method ? request->method : with_body ? "POST" : "GET";
    char why[300];
    if (!field_is_token(method) || strlen(method) > 32)
        return refuse("request", request->url, -EINVAL, "the method isn't a token of HTTP");
    if (strcasecmp(method, "CONNECT") == 0)
        return refuse(method, request->url, -EINVAL, "CONNECT is for proxies");
    if (request->body && request->json)
        return refuse(method, request->url, -EINVAL, "both body and json are set");
    if (request->body_size && !request->body)
        return refuse(method, request->url, -EINVAL, "body_size is set, body is NULL");
    if (with_body && strcmp(method, "HEAD") == 0)
        return refuse(method, request->url, -EINVAL, "HEAD has no body");
    if (isnan(request->timeout) || request->timeout < 0)
        return refuse(method, request->url, -EINVAL, "the timeout is negative or not a number");
    int r = url_parse(request->url, NULL, &plan->url, why, sizeof why);
    if (r < 0)
        return refuse(method, request->url, r, why);
    plan->method = strdup(method);
    if (!plan->method)
        return eddy_fail(-ENOMEM, "no memory for a request");
    r = plan_fields(plan, request);
    /* These say in Content-Length that they have none. */
    bool expects_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                        strcmp(method, "PATCH") == 0;
    if (r == 0 && (with_body || expects_body))
        r = plan_payload(plan, request);
    return r;
}

/* ---- sending ---- */

static int session_gone(const struct exchange *exchange)
{
    return eddy_fail(-ESHUTDOWN, "%s %s: the session was closed", exchange->method,
                     exchange->url.shown);
}

static int request_run(eddy_http_session *session, const struct eddy_http_request_options *request,
                       eddy_http_response *response, struct plan *plan)
{
    unsigned limit = session->options.max_redirects;
    for (unsigned hops = 0;; hops++) {
        int r = response_send(response, plan);
        struct exchange *exchange = response->exchange;
        if (r < 0 || request->return_redirects || !redirect_is(exchange))
            return r;
        if (!response->session) /* closed while this task waited; `session` is gone */
            return session_gone(exchange);
        if (hops == limit)
            return eddy_fail(-ELOOP,
                             "%s %s: more than %u redirects (the limit is option "
                             "max_redirects)",
                             exchange->method, exchange->url.shown, limit);
        r = redirect_plan(session, exchange, plan);
        if (r == 0)
            r = redirect_drain(exchange);
        if (r < 0)
            return r;
        if (!response->session)
            return session_gone(exchange);
        if (exchange->done && exchange->code == -ETIMEDOUT)
            return exchange_fail(exchange);
        response_forget_exchange(response);
    }
}

int eddy_http_request(eddy_http_session *session, const struct eddy_http_request_options *request,
                      eddy_http_response **ret_response)
{
    if (!live_check(session, "eddy_http_request", "session"))
        return -EINVAL;
    if (!request || !request->url || !ret_response)
        return eddy_fail(-EINVAL, "eddy_http_request: %s is NULL",
                         !request        ? "the request"
                         : !request->url ? "the URL"
                                         : "the response");
    if (!live_in_task("eddy_http_request"))
        return -EINVAL;
    struct plan plan = {0};
    int r = plan_make(&plan, request);
    eddy_http_response *response = NULL;
    if (r == 0) {
        response = response_new(session,
                                request->timeout > 0 ? request->timeout : session->options.timeout);
        r = response ? request_run(session, request, response, &plan) : -ENOMEM;
    }
    plan_clear(&plan);
    if (r == 0 && live_add(response) < 0)
        r = eddy_fail(-ENOMEM, "no memory for a response");
    if (r < 0) {
        if (response)
            response_free(response);
        return r;
    }
    *ret_response = response;
    return 0;
}

int eddy_http_get(eddy_http_session *session, const char *url, eddy_http_response **response)
{
    return eddy_http_request(session, &(struct eddy_http_request_options){.url = url}, response);
}
