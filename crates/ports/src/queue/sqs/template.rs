//! A request of the SDK's as the form of others to the same queue.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use sha2::{Digest, Sha256};
use url::{Position, Url};

use crate::aws::{Signer, ToSign};
use scanmill_core::hex::hex;

const SERVICE: &str = "sqs";

/// Headers of AWS's own that a request may have. One with any other has another form.
const KNOWN: [&str; 4] = ["x-amz-date", "x-amz-security-token", "x-amz-target", "x-amz-user-agent"];

/// What all requests share.
#[derive(Debug)]
pub(super) struct RequestTemplate {
    url: String,
    /// The part of it behind the host.
    path: String,
    host: String,
    agent: Option<String>,
    signer: Signer,
}

impl RequestTemplate {
    /// The form of a request that was sent a moment before `now`; `None` where it is not the one known here.
    pub(super) fn of(request: &HttpRequest, now: SystemTime) -> Option<RequestTemplate> {
        let url = Url::parse(request.uri()).ok()?;
        let path = &url[Position::BeforePath..Position::AfterPath];
        // The signature has the path escaped once more, so that nothing in it may need it.
        let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_~".contains(&byte));
        let headers = request.headers();
        let is_known = |name: &str| KNOWN.contains(&name) || !name.starts_with("x-amz-");
        if !is_plain || url.query().is_some() || !headers.iter().all(|(name, _)| is_known(name)) {
            return None;
        }
        Some(RequestTemplate {
            // Without the port that is the scheme's own.
            host: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            path: path.to_owned(),
            url: request.uri().to_owned(),
            agent: headers.get("user-agent").map(str::to_owned),
            signer: Signer::of(request, SERVICE, now)?,
        })
    }

    /// A request that the SDK wrote, with address and signature.
    pub(super) fn request(
        &self,
        mut request: HttpRequest,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<HttpRequest> {
        let content = hex(&Sha256::digest(request.body().bytes()?));
        let when = self.signer.time(now)?;
        let to_sign = ToSign {
            method: "POST",
            path: [&self.path, ""],
            query: "",
            headers: &[
                ("content-type", request.headers().get("content-type")),
                ("host", Some(self.host.as_str())),
                ("x-amz-date", Some(when.time.as_str())),
                ("x-amz-security-token", credentials.session_token()),
                ("x-amz-target", request.headers().get("x-amz-target")),
            ],
            content_sha256: &content,
        };
        let authorization = self.signer.authorization(&to_sign, credentials, &when);
        request.set_uri(self.url.as_str()).ok()?;
        let headers = request.headers_mut();
        headers.try_insert("x-amz-date", when.time).ok()?;
        if let Some(token) = credentials.session_token() {
            headers.try_insert("x-amz-security-token", token.to_owned()).ok()?;
        }
        if let Some(agent) = &self.agent {
            headers.try_insert("user-agent", agent.clone()).ok()?;
        }
        headers.try_insert("authorization", authorization).ok()?;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sdk_sqs::operation::delete_message_batch::{DeleteMessageBatch, DeleteMessageBatchInput};
    use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;

    use super::super::direct::Delete;
    use super::*;

    fn written() -> HttpRequest {
        let entry = DeleteMessageBatchRequestEntry::builder().id("0").receipt_handle("a/b+c=").build().unwrap();
        let input = DeleteMessageBatchInput::builder().queue_url("http://h/1/q").entries(entry).build().unwrap();
        Delete::of(&DeleteMessageBatch::new()).write(input).expect("the SDK writes it")
    }

    /// As the SDK sends it to `uri`.
    fn sent(uri: &str, more: &[(&'static str, &str)]) -> HttpRequest {
        let mut request = written();
        request.set_uri(uri).unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20250101/eu-west-1/sqs/aws4_request, SignedHeaders=host";
        request.headers_mut().insert("authorization", scope);
        request.headers_mut().insert("user-agent", "aws-sdk-rust");
        for (name, value) in more {
            request.headers_mut().insert(*name, value.to_string());
        }
        request
    }

    /// The signature that the SDK's signer gives the same request.
    fn signed_by_sdk(request: &HttpRequest, credentials: &Credentials, now: SystemTime) -> String {
        let identity = credentials.clone().into();
        let builder = SigningParams::builder().identity(&identity).region("eu-west-1").name("sqs");
        let params = builder.time(now).settings(SigningSettings::default()).build().unwrap().into();
        let signed = ["content-type", "x-amz-target"];
        let headers = request.headers().iter().filter(|(name, _)| signed.contains(name));
        let body = SignableBody::Bytes(request.body().bytes().unwrap());
        let signable = SignableRequest::new("POST", request.uri(), headers, body).unwrap();
        sign(signable, &params).unwrap().signature().to_owned()
    }

    #[test]
    fn the_signature_is_that_of_the_sdk() {
        let now = UNIX_EPOCH + Duration::from_secs(1_764_460_799);
        for uri in ["https://sqs.eu-west-1.amazonaws.com/", "http://127.0.0.1:4566/", "http://queue:80/behind/a-proxy"]
        {
            let template = RequestTemplate::of(&sent(uri, &[]), now).expect("the known form");
            for token in [None, Some("a/token+=")] {
                let credentials = Credentials::new("AKID", "secret", token.map(str::to_owned), None, "test");
                let request = template.request(written(), &credentials, now).unwrap();
                let authorization = request.headers().get("authorization").unwrap();
                let (_, signature) = authorization.rsplit_once("Signature=").unwrap();
                assert_eq!(signature, signed_by_sdk(&request, &credentials, now), "{uri} {authorization}");
                assert_eq!((request.uri(), request.method()), (uri, "POST"));
                assert_eq!(request.headers().get("x-amz-date"), Some("20251129T235959Z"));
                assert_eq!(request.headers().get("x-amz-target"), Some("AmazonSQS.DeleteMessageBatch"));
                assert_eq!(request.headers().get("user-agent"), Some("aws-sdk-rust"));
            }
        }
    }

    #[test]
    fn a_request_of_another_form_is_no_template() {
        let fits =
            |uri: &str, more: &[(&'static str, &str)]| RequestTemplate::of(&sent(uri, more), UNIX_EPOCH).is_some();
        assert!(fits("http://h/", &[("x-amz-user-agent", "x"), ("x-mine", "y")]));
        assert!(!fits("http://h/?Action=ReceiveMessage", &[]));
        assert!(!fits("http://h/a%20b", &[]));
        assert!(!fits("http://h/", &[("x-amz-new-thing", "x")]));
        let other = "AWS4-HMAC-SHA256 Credential=A/20250101/r/sns/aws4_request, SignedHeaders=host";
        assert!(!fits("http://h/", &[("authorization", other)]));
    }
}
