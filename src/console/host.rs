//! Whose name a request may call us by. A page of anybody's, open in a browser on this machine, can have its own name
//! resolve to us and then read what we answer (DNS rebinding); what it cannot change is that its name is in `Host`.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ConsoleState;

/// Refuses requests for other names than ours.
pub(super) async fn check(State(state): State<ConsoleState>, request: Request, next: Next) -> Response {
    if is_ours(request.headers(), &state.hosts) {
        return next.run(request).await;
    }
    let why = "this name is not known here: ask by IP address or as localhost, or add the name to `metrics.hosts`\n";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// An address is nobody's to give to another, and a browser always sends a name.
fn is_ours(headers: &HeaderMap, hosts: &[String]) -> bool {
    let mut given = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else { return headers.get(header::HOST).is_none() };
    let Ok(host) = host.to_str() else { return false };
    let name = name_of(host).to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    let is_address = name.parse::<IpAddr>().is_ok();
    is_address || name == "localhost" || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The host without its port, and an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn addresses_localhost_and_configured_names_are_ours() {
        let hosts = ["engine.internal".to_owned()];
        for (host, expected) in [
            ("127.0.0.1:9464", true),
            ("10.0.0.7", true),
            ("[::1]:9464", true),
            ("localhost", true),
            ("LOCALHOST.:9464", true),
            ("Engine.Internal:9464", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:9464", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(is_ours(&headers, &hosts), expected, "{host}");
        }
        assert!(is_ours(&HeaderMap::new(), &hosts), "HTTP/1.0, which no browser speaks");
        let mut two = HeaderMap::new();
        two.append(header::HOST, HeaderValue::from_static("localhost"));
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_ours(&two, &hosts));
    }
}
