//! Posts to a server that is not Amazon's by the same client: the environment's proxy and its certificates hold.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::network;
use scanmill_core::error::{Error, Result};

/// The most of an answer that is read.
const MOST_READ: usize = 16 << 10;

/// Connections to one URL.
#[derive(Debug)]
pub struct Poster {
    connector: Connector,
    url: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

/// An answer.
#[derive(Debug)]
pub struct Posted {
    /// Of HTTP.
    pub status: u16,
    /// The `retry-after` header, in seconds.
    pub retry_after: Option<Duration>,
    /// The beginning of its body.
    pub body: Vec<u8>,
}

impl Poster {
    /// A way to `url`. Nothing is connected yet.
    ///
    /// # Errors
    /// A bundle of certificates that cannot be read; a header that is none.
    pub fn new(url: &str, headers: Vec<(String, String)>, timeout: Duration) -> Result<Poster> {
        let poster = Poster { connector: network::connector()?, url: url.to_owned(), headers, timeout };
        poster.request(Vec::new())?;
        Ok(poster)
    }

    fn request(&self, body: Vec<u8>) -> Result<HttpRequest> {
        // Neither the URL nor a header is told: both may hold credentials.
        let wrong = |what: &str| Error::permanent(format!("{what} cannot be sent by HTTP"));
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|_| wrong("the method"))?;
        request.set_uri(self.url.as_str()).map_err(|_| wrong("the URL"))?;
        let headers = request.headers_mut();
        headers.try_insert("content-type", "application/json").map_err(|_| wrong("the content type"))?;
        for (name, value) in &self.headers {
            headers
                .try_insert(name.to_ascii_lowercase(), value.clone())
                .map_err(|_| wrong(&format!("the header `{name}`")))?;
        }
        Ok(request)
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// Whatever kept an answer from coming; transient.
    pub async fn post(&self, json: Vec<u8>) -> Result<Posted> {
        let request = self.request(json)?;
        let answered = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        answered.unwrap_or_else(|_| Err(Error::transient(format!("no answer within {:?}", self.timeout))))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Posted> {
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| Error::transient("no connection").with_source(error))?;
        let status = answer.status().as_u16();
        let seconds = answer.headers().get("retry-after").and_then(|text| text.parse().ok());
        let mut stream = ByteStream::new(answer.into_body());
        let mut body = Vec::new();
        // Read to its end where it is short, so that the connection can be used again.
        while let Some(Ok(bytes)) = stream.next().await {
            body.extend_from_slice(&bytes);
            if body.len() >= MOST_READ {
                break;
            }
        }
        Ok(Posted { status, retry_after: seconds.map(Duration::from_secs), body })
    }
}
