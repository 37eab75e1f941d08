//! The HTTP client that comes with the feature `openid-connect`.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{http::header::USER_AGENT, web};
use awc::{Client, Connector};
use bytes::Bytes;
use futures::future::LocalBoxFuture;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::authentication::openid::{Backchannel, BackchannelError};

/// The HTTP client that comes with the feature `openid-connect`: `awc`, which follows no redirects here.
///
/// It trusts the certificate authorities of the system, or those that the environment variable `SSL_CERT_FILE` names.
#[derive(Default)]
pub struct HttpBackchannel {
    /// Read when it is first needed.
    tls: Mutex<Option<Arc<ClientConfig>>>,
}

impl HttpBackchannel {
    /// A client.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, BackchannelError> {
        let known = self.tls.lock().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        // It reads files, which is no work for a thread that serves connections.
        let read = web::block(read_tls).await;
        let config = Arc::new(read.map_err(|_| BackchannelError::new("the worker ends"))??);
        Ok(self.tls.lock().get_or_insert(config).clone())
    }
}

impl Backchannel for HttpBackchannel {
    fn get<'a>(
        &'a self,
        address: &'a str,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<Bytes, BackchannelError>> {
        Box::pin(async move {
            let connector = Connector::new().rustls_0_23(self.tls().await?);
            let client = Client::builder()
                .connector(connector)
                .disable_redirects()
                // How long all may take is bounded by who asks.
                .timeout(MAXIMUM_WAIT)
                .add_default_header((USER_AGENT, concat!("actix-signalr/", env!("CARGO_PKG_VERSION"))))
                .finish();
            let sent = client.get(address).no_decompress().send().await;
            let response = sent.map_err(|err| BackchannelError::new(err.to_string()))?;
            if response.status() != 200 {
                return Err(BackchannelError::new(format!("the answer is {}", response.status())));
            }
            let mut response = response.timeout(MAXIMUM_WAIT);
            response.body().limit(limit).await.map_err(|err| BackchannelError::new(err.to_string()))
        })
    }
}

impl fmt::Debug for HttpBackchannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBackchannel").finish_non_exhaustive()
    }
}

fn read_tls() -> Result<ClientConfig, BackchannelError> {
    let mut roots = RootCertStore::empty();
    // Some that cannot be read, or none, show when a certificate is checked: nothing is trusted then.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(aws_lc_rs::default_provider());
    // Not the process-wide provider: the application may have set none.
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|err| BackchannelError::new(err.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The longest that an application can allow with `Authority::backchannel_timeout`.
const MAXIMUM_WAIT: Duration = Duration::from_secs(3600);
