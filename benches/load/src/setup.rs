//! What all connections of a run have in common, fixed before it begins.

use std::net::{IpAddr, Ipv4Addr};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    clock,
    http::{RequestParts, accept_of, escaped},
    hub::HubProtocol,
    limits::Limits,
    options::{Shared, TokenPlace},
    process,
    target::Target,
    token,
};

/// From here on the ports of one address may run out, and long before that they are slow to find.
const CONNECTIONS_OF_ONE_SOURCE: usize = 8000;
const SLICES: f64 = 40.0;

pub(crate) struct Setup {
    pub(crate) target: Target,
    pub(crate) limits: Limits,
    pub(crate) protocol: HubProtocol,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) negotiate: bool,
    /// New connections a second; 0 is no limit.
    pub(crate) connect_rate: f64,
    /// How many may be on their way.
    pub(crate) connecting: usize,
    /// Nanoseconds; 0 is never.
    pub(crate) ping_interval: u64,
    /// The key of the upgrade and the answer to it; one for all, as it protects from nothing.
    pub(crate) key: String,
    pub(crate) accept: String,
    /// The key that frames are masked with; one for all, so that frames can be made once.
    pub(crate) mask: [u8; 4],
    /// Nanoseconds of one slice of what is measured.
    pub(crate) slice: u64,
    token_in: TokenPlace,
    /// None, one for all, or one for each.
    tokens: Vec<String>,
    query: Vec<String>,
    per_user: usize,
    sources: Vec<IpAddr>,
}

impl Setup {
    /// `per_user` is how many connections a user has.
    pub(crate) fn new(shared: &Shared, per_user: usize) -> Result<Self, String> {
        let target = Target::parse(&shared.url)?;
        let limits = Limits::of(&target, shared.allow_remote)?;
        limits.check_connections(shared.connections)?;
        check_numbers(shared)?;
        check_open_files(shared.connections + 10 * shared.threads + 20)?;
        let random = random()?;
        let key = STANDARD.encode(random);
        Ok(Self {
            limits,
            protocol: shared.protocol,
            connections: shared.connections,
            threads: shared.threads,
            negotiate: shared.negotiate,
            connect_rate: limits.connect_rate(shared.connect_rate)?,
            connecting: shared.connecting,
            ping_interval: clock::seconds(shared.ping_interval),
            accept: accept_of(&key),
            key,
            mask: [random[0] | 1, random[1], random[2], random[3]],
            slice: clock::seconds((shared.duration / SLICES).max(0.05)),
            token_in: shared.token_in,
            tokens: tokens(shared, per_user)?,
            query: shared.query.clone(),
            per_user,
            sources: sources(shared, &target),
            target,
        })
    }

    /// How many connections are those of this thread: connections go round the threads.
    pub(crate) fn connections_of(&self, thread: usize) -> usize {
        (self.connections - thread).div_ceil(self.threads)
    }

    pub(crate) fn source(&self, connection: usize) -> Option<IpAddr> {
        self.sources.get(connection % self.sources.len().max(1)).copied()
    }

    pub(crate) fn negotiate_request(&self, connection: usize) -> Vec<u8> {
        let parts = RequestParts { query: self.own_query(connection), bearer: self.token(connection) };
        parts.negotiate(&self.target)
    }

    pub(crate) fn upgrade_request(&self, connection: usize, connection_token: Option<&str>) -> Vec<u8> {
        let mut parts = RequestParts { query: self.own_query(connection), bearer: None };
        match self.token_in {
            TokenPlace::Header => parts.bearer = self.token(connection),
            TokenPlace::Query => {
                let token = self.token(connection).map(|token| format!("access_token={}", escaped(token)));
                parts.query.extend(token);
            }
        }
        parts.upgrade(&self.target, connection_token, &self.key)
    }

    fn token(&self, connection: usize) -> Option<&str> {
        let index = if self.tokens.len() == 1 { 0 } else { connection };
        self.tokens.get(index).map(String::as_str)
    }

    fn own_query(&self, connection: usize) -> Vec<String> {
        let user = (connection / self.per_user).to_string();
        let connection = connection.to_string();
        let fill = |part: &String| part.replace("{user}", &user).replace("{connection}", &connection);
        self.query.iter().map(fill).collect()
    }
}

fn check_numbers(shared: &Shared) -> Result<(), String> {
    for (name, value) in [
        ("duration", shared.duration),
        ("warmup", shared.warmup),
        ("connect-rate", shared.connect_rate),
        ("ping-interval", shared.ping_interval),
        ("stall", shared.stall),
        ("drain", shared.drain),
    ] {
        if !(0.0..=1e6).contains(&value) {
            return Err(format!("--{name} must be between 0 and a million"));
        }
    }
    if !(1..=64).contains(&shared.threads) || shared.threads > shared.connections {
        return Err("--threads must be between 1 and 64, and not more than connections".to_owned());
    }
    if shared.connecting == 0 {
        return Err("--connecting must be at least 1".to_owned());
    }
    if shared.payload > 64 << 20 {
        return Err("--payload must be at most 64 MiB".to_owned());
    }
    Ok(())
}

fn check_open_files(wanted: usize) -> Result<(), String> {
    match process::open_files() {
        Some(limit) if limit < wanted => {
            Err(format!("this takes {wanted} open files, and {limit} are allowed: see ulimit -n"))
        }
        _ => Ok(()),
    }
}

fn tokens(shared: &Shared, per_user: usize) -> Result<Vec<String>, String> {
    let Some(secret) = &shared.jwt_secret else { return Ok(shared.token.iter().cloned().collect()) };
    let claims = shared.claims.iter().map(|claim| token::claim(claim)).collect::<Result<Vec<_>, _>>()?;
    let user = |connection| format!("user-{}", connection / per_user);
    (0..shared.connections).map(|connection| token::mint(secret, &user(connection), &claims)).collect()
}

fn sources(shared: &Shared, target: &Target) -> Vec<IpAddr> {
    let is_spread = cfg!(target_os = "linux")
        && shared.source.is_empty()
        && shared.connections > CONNECTIONS_OF_ONE_SOURCE
        && target.address.ip() == Ipv4Addr::LOCALHOST;
    if !is_spread {
        return shared.source.clone();
    }
    let count = shared.connections.div_ceil(CONNECTIONS_OF_ONE_SOURCE / 2).min(250);
    (0..count).map(|index| Ipv4Addr::new(127, 0, 0, 2 + index as u8).into()).collect()
}

fn random() -> Result<[u8; 16], String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|err| format!("no random numbers: {err}"))?;
    Ok(bytes)
}
