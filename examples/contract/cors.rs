//! Cross-origin requests of one origin, answered as the contract does it: preflights before anything else.

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

const ALLOWED: &str = "http://allowed.example";

pub(crate) async fn allow_one_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN);
    let is_allowed = origin.is_some_and(|origin| origin == ALLOWED);
    let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).cloned();
    if request.method() == Method::OPTIONS
        && origin.is_some()
        && let Some(method) = method
    {
        let mut response = HttpResponse::NoContent().finish();
        if is_allowed {
            let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
            allow(response.headers_mut());
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
            if let Some(wanted) = wanted {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
            }
        }
        return Ok(request.into_response(response).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    if is_allowed {
        allow(response.headers_mut());
    }
    Ok(response)
}

fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ALLOWED));
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
}
