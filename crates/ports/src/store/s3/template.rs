//! A request of the SDK's as the form of others for the same bucket.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Position, Url};

use super::direct::Wanted;
use crate::aws::{Signer, ToSign};

const SERVICE: &str = "s3";

/// What is escaped in a parameter.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What is escaped in a key.
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

/// Headers that are in every request as they are in the first.
const KEPT: [&str; 2] = ["user-agent", "x-amz-checksum-mode"];
/// Headers that are signed anew, and one that says the same as `user-agent`. A request with any other that is S3's own has
/// another form.
const MADE: [&str; 4] = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent"];

/// What the requests for one bucket share.
#[derive(Debug)]
pub(super) struct RequestTemplate {
    /// `https://host/`, up to the key.
    base: String,
    /// The part of it that is the path.
    path: String,
    host: String,
    /// In the order of [`KEPT`].
    kept: [Option<String>; KEPT.len()],
    content_sha256: String,
    signer: Signer,
}

impl RequestTemplate {
    /// The form of a request that got `wanted` a moment before `now`; `None` where it is not the one known here.
    pub(super) fn of(request: &HttpRequest, wanted: Wanted<'_>, now: SystemTime) -> Option<RequestTemplate> {
        let (address, query) = request.uri().split_once('?')?;
        let version = wanted.version_id.map(|id| format!("versionId={}", utf8_percent_encode(id, IN_QUERY)));
        let mut parameters = query.split('&');
        if !parameters.all(|parameter| parameter == "x-id=GetObject" || Some(parameter) == version.as_deref()) {
            return None;
        }
        let base = address.strip_suffix(&utf8_percent_encode(wanted.key, IN_PATH).to_string())?;
        let url = Url::parse(base).ok()?;
        let path = base.get(base.find("://")? + 3..)?;
        let path = path.get(path.find('/')?..)?;
        let headers = request.headers();
        let is_known = |name: &str| KEPT.contains(&name) || MADE.contains(&name) || !name.starts_with("x-amz-");
        if !headers.iter().all(|(name, _)| is_known(name)) {
            return None;
        }
        Some(RequestTemplate {
            // Without the port that is the scheme's own.
            host: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            base: base.to_owned(),
            path: path.to_owned(),
            content_sha256: headers.get("x-amz-content-sha256")?.to_owned(),
            kept: KEPT.map(|name| headers.get(name).map(str::to_owned)),
            signer: Signer::of(request, SERVICE, now)?,
        })
    }

    /// Whether the answer is to bring the checksum that the store keeps.
    pub(super) fn is_checksum_asked(&self) -> bool {
        self.kept_of("x-amz-checksum-mode").is_some()
    }

    fn kept_of(&self, name: &str) -> Option<&str> {
        KEPT.iter().zip(&self.kept).find(|(kept, _)| **kept == name).and_then(|(_, value)| value.as_deref())
    }

    /// The request for an object, signed now.
    pub(super) fn request(&self, wanted: Wanted<'_>, credentials: &Credentials) -> Option<HttpRequest> {
        self.request_at(wanted, credentials, SystemTime::now())
    }

    fn request_at(&self, wanted: Wanted<'_>, credentials: &Credentials, now: SystemTime) -> Option<HttpRequest> {
        let key = utf8_percent_encode(wanted.key, IN_PATH).to_string();
        let query = match wanted.version_id {
            Some(id) => format!("versionId={}&x-id=GetObject", utf8_percent_encode(id, IN_QUERY)),
            None => "x-id=GetObject".to_owned(),
        };
        let when = self.signer.time(now)?;
        let to_sign = ToSign {
            method: "GET",
            path: [&self.path, &key],
            query: &query,
            headers: &[
                ("host", Some(self.host.as_str())),
                ("x-amz-checksum-mode", self.kept_of("x-amz-checksum-mode")),
                ("x-amz-content-sha256", Some(self.content_sha256.as_str())),
                ("x-amz-date", Some(when.time.as_str())),
                ("x-amz-security-token", credentials.session_token()),
            ],
            content_sha256: &self.content_sha256,
        };
        let mut request = HttpRequest::get(format!("{}{key}?{query}", self.base)).ok()?;
        let headers = request.headers_mut();
        // The connection adds the host.
        for (name, value) in to_sign.sent().filter(|(name, _)| *name != "host") {
            headers.try_insert(name, value.to_owned()).ok()?;
        }
        if let Some(agent) = self.kept_of("user-agent") {
            headers.try_insert("user-agent", agent.to_owned()).ok()?;
        }
        headers.try_insert("authorization", self.signer.authorization(&to_sign, credentials, &when)).ok()?;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4::SigningParams;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn sent(uri: &str, region: &str, more: &[(&'static str, &str)]) -> HttpRequest {
        let mut request = HttpRequest::get(uri).unwrap();
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=AKID/20250101/{region}/s3/aws4_request, SignedHeaders=host");
        request.headers_mut().insert("authorization", credential);
        request.headers_mut().insert("x-amz-content-sha256", EMPTY);
        for (name, value) in more {
            request.headers_mut().insert(*name, value.to_string());
        }
        request
    }

    fn wanted<'a>(key: &'a str, version_id: Option<&'a str>) -> Wanted<'a> {
        Wanted { bucket: "photos", key, version_id }
    }

    /// The signature that the SDK's signer gives the same request.
    fn signed_by_sdk(request: &HttpRequest, credentials: &Credentials, now: SystemTime) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = credentials.clone().into();
        let builder = SigningParams::builder().identity(&identity).region("eu-west-1").name("s3");
        let params = builder.time(now).settings(settings).build().unwrap().into();
        let theirs = ["authorization", "user-agent", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let headers = request.headers().iter().filter(|(name, _)| !theirs.contains(name));
        let signable = SignableRequest::new("GET", request.uri(), headers, SignableBody::Bytes(b"")).unwrap();
        sign(signable, &params).unwrap().signature().to_owned()
    }

    #[test]
    fn the_signature_is_that_of_the_sdk() {
        let now = UNIX_EPOCH + Duration::from_secs(1_764_460_799);
        let asks = [("x-amz-checksum-mode", "ENABLED"), ("user-agent", "aws-sdk-rust")];
        for (base, checked) in [
            ("https://photos.s3.eu-west-1.amazonaws.com/", true),
            ("http://127.0.0.1:4566/photos/", true),
            ("http://minio:80/photos/", false),
        ] {
            let first = sent(&format!("{base}a.jpg?x-id=GetObject"), "eu-west-1", if checked { &asks } else { &[] });
            let template = RequestTemplate::of(&first, wanted("a.jpg", None), now).expect("the known form");
            assert_eq!(template.is_checksum_asked(), checked);
            for token in [None, Some("a/token+=")] {
                for (key, version) in
                    [("a.jpg", None), ("in box/ä&b=c?d#e+f%20(1)!*'.jpg", None), ("//a/../b/./c", Some("x.y-z_~ /&="))]
                {
                    let credentials = Credentials::new("AKID", "secret", token.map(str::to_owned), None, "test");
                    let request = template.request_at(wanted(key, version), &credentials, now).unwrap();
                    let authorization = request.headers().get("authorization").unwrap();
                    let (_, signature) = authorization.rsplit_once("Signature=").unwrap();
                    assert_eq!(signature, signed_by_sdk(&request, &credentials, now), "{base} {key} {authorization}");
                    assert!(request.uri().starts_with(base), "{}", request.uri());
                    assert_eq!(request.headers().get("x-amz-date"), Some("20251129T235959Z"));
                }
            }
        }
    }

    #[test]
    fn other_credentials_and_another_day_have_another_key() {
        let first = sent("http://h/b/k?x-id=GetObject", "r", &[]);
        let template = RequestTemplate::of(&first, wanted("k", None), UNIX_EPOCH).unwrap();
        let signature = |secret: &str, seconds| {
            let credentials = Credentials::new("AKID", secret, None, None, "test");
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            let request = template.request_at(wanted("k", None), &credentials, now).unwrap();
            request.headers().get("authorization").unwrap().to_owned()
        };
        let one = signature("one", 1_000_000_000);
        let two = signature("two", 1_000_000_000);
        let later = signature("one", 1_000_086_400);
        assert!(one != two && one != later && two != later);
        assert_eq!(signature("one", 1_000_000_000), one);
    }

    #[test]
    fn a_clock_that_the_sdk_corrects_is_corrected_here_too() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date_of = |signed: &str| {
            let first = sent("http://h/b/k?x-id=GetObject", "r", &[("x-amz-date", signed)]);
            let template = RequestTemplate::of(&first, wanted("k", None), now).unwrap();
            let credentials = Credentials::new("AKID", "secret", None, None, "test");
            let later = now + Duration::from_secs(10);
            let request = template.request_at(wanted("k", None), &credentials, later).unwrap();
            request.headers().get("x-amz-date").unwrap().to_owned()
        };
        assert_eq!(date_of("20010909T014640Z"), "20010909T014650Z");
        assert_eq!(date_of("20010909T014630Z"), "20010909T014650Z", "answered after ten seconds");
        assert_eq!(date_of("20010909T024640Z"), "20010909T024650Z");
        assert_eq!(date_of("20010908T234640Z"), "20010908T234650Z");
    }

    #[test]
    fn a_request_of_another_form_is_no_template() {
        let key = wanted("a b", Some("v/1"));
        let fits = |uri: &str, more: &[(&'static str, &str)]| {
            RequestTemplate::of(&sent(uri, "r", more), key, UNIX_EPOCH).is_some()
        };
        assert!(fits("http://h/b/a%20b?x-id=GetObject&versionId=v%2F1", &[]));
        assert!(fits("http://h/b/a%20b?versionId=v%2F1&x-id=GetObject", &[("x-amz-user-agent", "x"), ("x-mine", "y")]));
        assert!(!fits("http://h/b/a+b?x-id=GetObject", &[]));
        assert!(!fits("http://h/b/a%20b?x-id=GetObject&partNumber=1", &[]));
        assert!(!fits("http://h/b/a%20b?x-id=GetObject", &[("x-amz-request-payer", "requester")]));
        assert!(!fits("http://h/b/a%20b?x-id=GetObject", &[("x-amz-s3session-token", "x")]));
        let express = "AWS4-HMAC-SHA256 Credential=A/20250101/r/s3express/aws4_request, SignedHeaders=host";
        assert!(!fits("http://h/b/a%20b?x-id=GetObject", &[("authorization", express)]));
        assert!(!fits("http://h/b/a%20b?x-id=GetObject", &[("authorization", "AWS4-ECDSA-P256-SHA256 Credential=A")]));
    }
}
