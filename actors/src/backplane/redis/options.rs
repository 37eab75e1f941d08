//! What can be set for a Redis backplane.

use std::{error::Error, fmt, io, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
};
#[cfg(feature = "redis-tls")]
use redis::{ClientTlsConfig, TlsCertificates};
#[cfg(feature = "redis-tls")]
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::backplane::{
    RedisBackplane,
    redis::{
        sentinels::Sentinels,
        topology::{Nodes, Topology},
    },
};

/// A Redis backplane that is about to be used.
///
/// Its `Debug` form does not show URLs, which may hold passwords.
#[must_use]
pub struct RedisBackplaneBuilder {
    url: String,
    sentinels: Option<Vec<String>>,
    shards: Option<Vec<String>>,
    #[cfg(feature = "redis-tls")]
    certificates: TlsCertificates,
    channel_prefix: String,
    message_timeout: Duration,
    response_timeout: Duration,
    probe_interval: Duration,
    maximum_pending: usize,
    share_worker: bool,
}

impl RedisBackplaneBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            sentinels: None,
            shards: None,
            #[cfg(feature = "redis-tls")]
            certificates: TlsCertificates { client_tls: None, root_cert: None },
            channel_prefix: String::new(),
            message_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            probe_interval: Duration::from_secs(5),
            maximum_pending: 16 * 1024 * 1024,
            share_worker: false,
        }
    }

    /// Asks Redis Sentinels which server is the master: those at the URLs, by the name that is the host of the backplane's own URL.
    /// What that has beside it (scheme, user, password) is for the master; the Sentinels have theirs in their URLs.
    ///
    /// What most Sentinels say is so. The link goes to the new master when the old one is gone, says that it is a replica, or when
    /// the Sentinels name another; they are asked every [`probe_interval`](Self::probe_interval). ASP.NET Core may be among
    /// the servers.
    ///
    /// ```no_run
    /// use actix_signalr_actors::backplane::RedisBackplane;
    ///
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let backplane = RedisBackplane::builder("redis://user:password@mymaster").sentinels(sentinels).build()?;
    /// # Ok::<_, actix_signalr_actors::backplane::RedisBackplaneError>(())
    /// ```
    pub fn sentinels<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.sentinels = Some(urls.into_iter().map(Into::into).collect());
        self
    }

    /// Spreads the channels over the masters of a Redis Cluster (7.0 or later), by its sharded publish and subscribe: each message
    /// passes one of them, and not all. The URL, and these further ones, are servers of the cluster to begin with; the others are
    /// asked for.
    ///
    /// All servers of an application have to do so: those that do not, and those of ASP.NET Core, do not hear the others. (Without
    /// it, one server of a cluster does as well as any other Redis: all pass on to each other what is published.)
    ///
    /// What one sender sends keeps its order on each channel: to all, to a group, a user, a connection. Between those it has none,
    /// as they may be on different servers. While one of the masters is away and not replaced, so is the whole for this
    /// process.
    pub fn sharded<U: Into<String>>(mut self, further_urls: impl IntoIterator<Item = U>) -> Self {
        self.shards = Some(further_urls.into_iter().map(Into::into).collect());
        self
    }

    /// Trusts certificates that these have signed (PEM), and no others; those that the system trusts. For `rediss://`.
    ///
    /// A server's certificate has to name it as it is known here: as in the URL, or as Sentinels and the cluster say, who name
    /// addresses unless told to announce host names.
    #[cfg(feature = "redis-tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.root_cert = Some(pem.into());
        self
    }

    /// Shows a certificate to servers that want one, with its key (both PEM); none. For `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificates.client_tls =
            Some(ClientTlsConfig { client_cert: certificate.into(), client_key: key.into() });
        self
    }

    /// What all names of channels begin with; nothing. Applications that share a Redis need different ones, unless their hubs
    /// have different names. Where ASP.NET Core is among the servers, it is the `ChannelPrefix` there.
    pub fn channel_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.channel_prefix = prefix.into();
        self
    }

    /// How long a message waits for a link that is down, before its sender is told that it is not sent; 5 s.
    pub const fn message_timeout(mut self, timeout: Duration) -> Self {
        self.message_timeout = timeout;
        self
    }

    /// How long Redis may take to answer before the link is taken for broken, and made anew; 5 s.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How often the link is probed, and looked after whom questions wait for; 5 s. A link that is broken without anybody having
    /// said so is found by then and [`response_timeout`](Self::response_timeout) more.
    pub const fn probe_interval(mut self, interval: Duration) -> Self {
        self.probe_interval = interval;
        self
    }

    /// How many bytes of messages may wait to be published; 16 MiB. Beyond that, sending fails at once; one message alone may be longer.
    pub const fn maximum_pending(mut self, bytes: usize) -> Self {
        self.maximum_pending = bytes;
        self
    }

    /// Whether the link lives on the thread of a worker, the first that starts, instead of one of its own; it does not.
    ///
    /// It is meant for servers with one worker: what is sent and received then wakes no other thread, which takes less CPU. The
    /// worker does the link's work beside its own, and a method that holds up the worker holds up the link as well. With
    /// several workers it would be one of them that does this work for all, and has less time for its clients.
    ///
    /// The link is made when the worker starts. If something is published before, or the worker ends while others still use the
    /// backplane, it has a thread of its own all the same.
    ///
    /// ```no_run
    /// use actix_signalr_actors::backplane::RedisBackplane;
    ///
    /// let backplane = RedisBackplane::builder("redis://127.0.0.1:6379").share_worker(true).build()?;
    /// # Ok::<_, actix_signalr_actors::backplane::RedisBackplaneError>(())
    /// ```
    pub const fn share_worker(mut self, share: bool) -> Self {
        self.share_worker = share;
        self
    }

    /// Starts the thread that makes the link, unless it [shares that of a worker](Self::share_worker).
    ///
    /// # Errors
    /// When a URL or a certificate cannot be read, or Sentinels and shards are asked for at once. That Redis does not answer is none.
    pub fn build(self) -> Result<RedisBackplane, RedisBackplaneError> {
        let server = self.client(&self.url)?;
        let topology = match (&self.sentinels, &self.shards) {
            (None, None) => Topology::Single,
            (Some(urls), None) => Topology::Sentinels(self.watched_by(&server, urls)?),
            (None, Some(urls)) => {
                let further = urls.iter().map(|url| self.client(url));
                let named =
                    std::iter::once(Ok(server.clone())).chain(further).collect::<Result<Vec<_>, _>>()?;
                let named = named.iter().map(|client| client.get_connection_info().clone()).collect();
                Topology::Sharded(Nodes::named(named))
            }
            (Some(_), Some(_)) => return Err(RedisBackplaneError::Contradiction),
        };
        RedisBackplane::start(RedisOptions {
            server: server.get_connection_info().clone(),
            topology,
            channel_prefix: self.channel_prefix,
            message_timeout: self.message_timeout,
            response_timeout: self.response_timeout,
            probe_interval: self.probe_interval,
            maximum_pending: self.maximum_pending,
            shares_worker: self.share_worker,
        })
    }

    fn client(&self, url: &str) -> Result<Client, RedisBackplaneError> {
        let info = url.into_connection_info().map_err(|_| RedisBackplaneError::InvalidUrl)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(settings);
        #[cfg(feature = "redis-tls")]
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Where an application has several, none is the default until somebody says so.
            if rustls::crypto::CryptoProvider::get_default().is_none() {
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            }
            let certificates = self.certificates.clone();
            // Of a text without a certificate nothing would be trusted, and nobody be told why.
            if certificates.root_cert.as_deref().is_some_and(|pem| !has_certificate(pem)) {
                return Err(RedisBackplaneError::InvalidCertificate);
            }
            return Client::build_with_tls(info, certificates)
                .map_err(|_| RedisBackplaneError::InvalidCertificate);
        }
        Client::open(info).map_err(|_| RedisBackplaneError::InvalidUrl)
    }

    /// The Sentinels at these addresses, for the master that is the host of a URL.
    fn watched_by(&self, master: &Client, urls: &[String]) -> Result<Sentinels, RedisBackplaneError> {
        let master = match master.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
            _ => return Err(RedisBackplaneError::InvalidUrl),
        };
        if urls.is_empty() {
            return Err(RedisBackplaneError::InvalidUrl);
        }
        let clients = urls.iter().map(|url| self.client(url)).collect::<Result<_, _>>()?;
        Ok(Sentinels { master, clients })
    }
}

#[cfg(feature = "redis-tls")]
fn has_certificate(pem: &[u8]) -> bool {
    CertificateDer::pem_slice_iter(pem).next().is_some_and(|certificate| certificate.is_ok())
}

impl fmt::Debug for RedisBackplaneBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackplaneBuilder")
            .field("channel_prefix", &self.channel_prefix)
            .finish_non_exhaustive()
    }
}

/// The settings of a backplane in use.
pub(super) struct RedisOptions {
    /// How a server is reached: where, unless the topology says so, and as whom.
    pub(super) server: ConnectionInfo,
    pub(super) topology: Topology,
    pub(super) channel_prefix: String,
    pub(super) message_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) probe_interval: Duration,
    pub(super) maximum_pending: usize,
    pub(super) shares_worker: bool,
}

impl RedisOptions {
    /// How a link is made.
    pub(super) fn connection(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.response_timeout))
            .set_response_timeout(Some(self.response_timeout))
    }
}

/// Why there is no Redis backplane.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisBackplaneError {
    /// The URL cannot be read, or asks for what is not built in. It is not shown, as it may hold a password.
    InvalidUrl,
    /// A certificate, or its key, cannot be read.
    InvalidCertificate,
    /// It is to be found by Sentinels, and to be a cluster.
    Contradiction,
    /// The thread of the link cannot be started.
    Thread(io::Error),
}

impl fmt::Display for RedisBackplaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl => {
                f.write_str("this is no URL of a Redis: `redis://[user:password@]host[:port]`, or `rediss://` with the feature `redis-tls`")
            }
            Self::InvalidCertificate => f.write_str("a certificate for Redis, or its key, cannot be read"),
            Self::Contradiction => f.write_str("Redis is either watched by Sentinels or a cluster"),
            Self::Thread(err) => write!(f, "the thread of the link to Redis cannot be started: {err}"),
        }
    }
}

impl Error for RedisBackplaneError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::InvalidUrl | Self::InvalidCertificate | Self::Contradiction => None,
            Self::Thread(err) => Some(err),
        }
    }
}

impl From<RedisBackplaneError> for io::Error {
    fn from(err: RedisBackplaneError) -> Self {
        Self::other(err)
    }
}
