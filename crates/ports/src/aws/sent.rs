//! A request as the SDK sent it, for who sends the next ones alike without the SDK's orchestration.

use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;

/// What the SDK sent, and by which connections.
#[derive(Clone, Debug, Default)]
pub struct SentRequest(Arc<OnceLock<(HttpRequest, SharedHttpConnector)>>);

impl SentRequest {
    /// The first attempt that left, and where by; `None` where none did.
    pub fn get(&self) -> Option<&(HttpRequest, SharedHttpConnector)> {
        self.0.get()
    }
}

impl Intercept for SentRequest {
    fn name(&self) -> &'static str {
        "SentRequest"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let timeouts = bag.load::<TimeoutConfig>();
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.and_then(TimeoutConfig::connect_timeout));
        settings.set_read_timeout(timeouts.and_then(TimeoutConfig::read_timeout));
        if let (Some(request), Some(client)) = (context.request().try_clone(), components.http_client()) {
            let _ = self.0.set((request, client.http_connector(&settings.build(), components)));
        }
        Ok(())
    }
}
