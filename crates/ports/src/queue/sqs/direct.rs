//! Calls without the SDK's orchestration, which for a receive or a delete costs more than everything else about it.
//!
//! The first receive goes the SDK's way, and the request it sent is the template of those that follow, as with S3's reads
//! (`store/s3/direct.rs`): the endpoint, the region, the user agent and the connections stay; body, time and signature change.
//! Bodies are written, and answers and refusals read, by the SDK's own codec of the operation.

use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::operation::delete_message_batch::builders::DeleteMessageBatchFluentBuilder;
use aws_sdk_sqs::operation::delete_message_batch::{
    DeleteMessageBatch, DeleteMessageBatchError, DeleteMessageBatchInput, DeleteMessageBatchOutput,
};
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::operation::receive_message::{
    ReceiveMessage, ReceiveMessageError, ReceiveMessageInput, ReceiveMessageOutput,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use aws_smithy_types::retry::RetryConfig;

use super::template::RequestTemplate;
use crate::aws::{Account, FIRST_BACKOFF, SentRequest};

/// What a call gives: the answer, or the error as the SDK has it.
pub(super) type Answer<O, E> = Result<O, SdkError<E, HttpResponse>>;

/// How the SDK writes the requests of an operation and reads their answers.
#[derive(Debug)]
pub(super) struct Operation<I, O, E> {
    /// Where the SDK keeps the codec.
    layer: Option<FrozenLayer>,
    types: PhantomData<fn(I) -> Answer<O, E>>,
}

impl<I, O, E> Operation<I, O, E>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    /// The SDK's `operation`.
    pub(super) fn of(operation: &impl RuntimePlugin) -> Operation<I, O, E> {
        Operation { layer: operation.config(), types: PhantomData }
    }

    /// The request but for its address and signature.
    pub(super) fn write(&self, input: I) -> Option<HttpRequest> {
        self.layer
            .as_ref()?
            .load::<SharedRequestSerializer>()?
            .serialize_input(Input::erase(input), &mut ConfigBag::base())
            .ok()
    }

    /// What a whole answer says.
    #[expect(clippy::result_large_err, reason = "the error is the SDK's own, for which its callers look")]
    fn read(&self, answer: HttpResponse) -> Answer<O, E> {
        let Some(read) = self.layer.as_ref().and_then(|layer| layer.load::<SharedResponseDeserializer>()) else {
            return Err(SdkError::response_error("the SDK has no codec of it", answer));
        };
        match read.deserialize_nonstreaming_with_config(&answer, &ConfigBag::base()) {
            Ok(output) => match output.downcast::<O>() {
                Ok(output) => Ok(output),
                Err(_) => Err(SdkError::response_error("the answer of another operation", answer)),
            },
            Err(refused) => {
                let mut found = None;
                let other = refused.map_operation_error(|error| found = error.downcast::<E>().ok());
                match found {
                    Some(error) => Err(SdkError::service_error(error, answer)),
                    None => Err(SdkError::response_error(format!("{other:?}"), answer)),
                }
            }
        }
    }
}

pub(super) type Receive = Operation<ReceiveMessageInput, ReceiveMessageOutput, ReceiveMessageError>;
pub(super) type Delete = Operation<DeleteMessageBatchInput, DeleteMessageBatchOutput, DeleteMessageBatchError>;

/// The way past the orchestration.
pub(super) struct Direct {
    account: Account,
    route: RwLock<SqsRoute>,
    receive: Receive,
    delete: Delete,
}

enum SqsRoute {
    /// To be learned from the next request.
    Unknown,
    /// The SDK's requests have another form.
    OfTheSdk,
    Known(Arc<Lane>),
}

struct Lane {
    template: RequestTemplate,
    connector: SharedHttpConnector,
}

impl Direct {
    pub(super) fn new(account: Account) -> Direct {
        let (receive, delete) = (Operation::of(&ReceiveMessage::new()), Operation::of(&DeleteMessageBatch::new()));
        Direct { account, route: RwLock::new(SqsRoute::Unknown), receive, delete }
    }

    /// Receives, in one attempt that ends within `timeout`. That of the SDK's client does so by itself.
    pub(super) async fn receive(
        &self,
        request: ReceiveMessageFluentBuilder,
        timeout: Duration,
    ) -> Answer<ReceiveMessageOutput, ReceiveMessageError> {
        if let Ok(input) = request.as_input().clone().build()
            && let Some(answer) = self.attempt(&self.receive, input, timeout, true).await
        {
            return answer;
        }
        let is_unknown = matches!(*self.route.read().unwrap_or_else(PoisonError::into_inner), SqsRoute::Unknown);
        if !is_unknown {
            return request.send().await;
        }
        let sent = SentRequest::default();
        let answer = request.customize().interceptor(sent.clone()).send().await;
        if answer.is_ok() {
            self.learn(&sent);
        }
        answer
    }

    /// Deletes, in as many attempts as the client of the SDK makes.
    pub(super) async fn delete(
        &self,
        client: &Client,
        request: DeleteMessageBatchFluentBuilder,
    ) -> Answer<DeleteMessageBatchOutput, DeleteMessageBatchError> {
        let options = self.account.options();
        let is_last = options.attempts <= 1;
        let Ok(input) = request.as_input().clone().build() else { return request.send().await };
        match self.attempt(&self.delete, input, options.attempt_timeout, is_last).await {
            None => request.send().await,
            Some(answer) if answer.is_ok() || is_last => answer,
            Some(_) => {
                tokio::time::sleep(FIRST_BACKOFF.mul_f64(rand::random())).await;
                let retries = client.config().retry_config().cloned().unwrap_or_else(RetryConfig::standard);
                let fewer = Builder::new().retry_config(retries.with_max_attempts(options.attempts - 1));
                request.customize().config_override(fewer).send().await
            }
        }
    }

    /// Learns from a request that was answered well.
    fn learn(&self, sent: &SentRequest) {
        let Some((request, connector)) = sent.get() else { return };
        let route = match RequestTemplate::of(request, SystemTime::now()) {
            Some(template) => SqsRoute::Known(Arc::new(Lane { template, connector: connector.clone() })),
            None => SqsRoute::OfTheSdk,
        };
        *self.route.write().unwrap_or_else(PoisonError::into_inner) = route;
    }

    /// One attempt, which ends within `timeout`. `None`, and nothing was sent, where the SDK must do it.
    async fn attempt<I, O, E>(
        &self,
        operation: &Operation<I, O, E>,
        input: I,
        timeout: Duration,
        is_last: bool,
    ) -> Option<Answer<O, E>>
    where
        I: std::fmt::Debug + Send + Sync + 'static,
        O: std::fmt::Debug + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let lane = match &*self.route.read().unwrap_or_else(PoisonError::into_inner) {
            SqsRoute::Known(lane) => lane.clone(),
            SqsRoute::Unknown | SqsRoute::OfTheSdk => return None,
        };
        let credentials = self.account.credentials().await?;
        let request = lane.template.request(operation.write(input)?, &credentials, SystemTime::now())?;
        let answer = match tokio::time::timeout(timeout, exchange(&lane.connector, request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Unanswered::Connection(error))) => return Some(Err(SdkError::dispatch_failure(error))),
            Ok(Err(Unanswered::Body(error, answer))) => return Some(Err(SdkError::response_error(error, answer))),
            Err(_) => return Some(Err(SdkError::timeout_error(format!("no answer within {timeout:?}")))),
        };
        if answer.status().as_u16() != 200 {
            self.account.watch("sqs").see(&answer, is_last);
            // The SDK may know better how to ask, by now: its next request is the template.
            self.forget(&lane);
        }
        Some(operation.read(answer))
    }

    /// Forgets the way, unless another has been learned meanwhile.
    fn forget(&self, refused: &Arc<Lane>) {
        let mut route = self.route.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*route, SqsRoute::Known(lane) if Arc::ptr_eq(lane, refused)) {
            *route = SqsRoute::Unknown;
        }
    }
}

/// Why there is no whole answer.
#[allow(clippy::large_enum_variant, reason = "rare, and never kept")]
enum Unanswered {
    Connection(ConnectorError),
    Body(BoxError, HttpResponse),
}

/// An answer with its body in memory.
async fn exchange(connector: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
    let mut answer = connector.call(request).await.map_err(Unanswered::Connection)?;
    match ByteStream::new(answer.take_body()).collect().await {
        Ok(body) => {
            *answer.body_mut() = SdkBody::from(body.into_bytes());
            Ok(answer)
        }
        Err(error) => Err(Unanswered::Body(error.into(), answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_refusals_are_read_as_the_sdk_reads_them() {
        let delete = Delete::of(&DeleteMessageBatch::new());
        let said = |status: u16, body: &str| HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        let answer = delete.read(said(200, r#"{"Successful":[{"Id":"0"}],"Failed":[]}"#)).unwrap();
        assert_eq!(answer.successful()[0].id(), "0");
        let throttled = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}"#;
        let refused = delete.read(said(400, throttled)).unwrap_err();
        let SdkError::ServiceError(refused) = refused else { panic!("{refused:?}") };
        assert!(matches!(refused.err(), DeleteMessageBatchError::RequestThrottled(_)), "{refused:?}");
        // Of a proxy, or cut off.
        for (status, body) in [(502, "<html>"), (200, r#"{"Successful":[{"#), (200, "[]")] {
            assert!(delete.read(said(status, body)).is_err(), "{status} {body}");
        }
    }
}
