/*
 * service: see service.h.
 */
#include "api-fcgi/service.h"

#include "api-fcgi/router.h"
#include "common/clock.h"

void service_answer(struct service *service, const struct request *request,
                    struct response *response)
{
    const enum route route = router_match(request->method, request->path).route;
    const int64_t began_ns = clock_read().mono_ns;

    metrics_request_begins(&service->metrics);
    if (route == ROUTE_METRICS)
        metrics_api_answer(&service->metrics_api, response);
    else
        room_api_answer(&service->rooms, request, response);
    metrics_request_ended(&service->metrics, route, response->status,
                          clock_read().mono_ns - began_ns);
}
