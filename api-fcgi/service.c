/*
 * service: see service.h.
 */
#include "api-fcgi/service.h"

#include "api-fcgi/router.h"
#include "common/clock.h"

/* REST, for pages of this site and of those that may use it. */
static void answer_rest(struct service *service, const struct request *request, const char *methods,
                        struct response *response)
{
    if (methods == NULL || !cors_preflight(&service->cors, request, methods, response))
        room_api_answer(&service->rooms, request, response);
    cors_apply(&service->cors, request, response);
}

void service_answer(struct service *service, const struct request *request,
                    struct response *response)
{
    const struct route_match match = router_match(request->method, request->path);
    const int64_t began_ns = clock_read().mono_ns;

    metrics_request_begins(&service->metrics);
    if (match.route == ROUTE_METRICS)
        metrics_api_answer(&service->metrics_api, response);
    else if (match.route == ROUTE_ADMIT)
        admit_api_answer(&service->admit, request, response);
    else
        answer_rest(service, request, match.allow, response);
    metrics_request_ended(&service->metrics, match.route, response->status,
                          clock_read().mono_ns - began_ns);
}
