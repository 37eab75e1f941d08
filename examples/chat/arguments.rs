//! The command line: where to listen.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

/// Where to listen, or what is wrong with the arguments.
pub(crate) fn address(mut arguments: impl Iterator<Item = String>) -> Result<SocketAddr, String> {
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    while let Some(name) = arguments.next() {
        let value = arguments.next();
        match name.as_str() {
            "--port" => address.set_port(parse(&name, value)?),
            "--bind" => address.set_ip(parse::<IpAddr>(&name, value)?),
            _ => return Err(format!("unknown argument '{name}'")),
        }
    }
    Ok(address)
}

fn parse<T: FromStr>(name: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{name} needs a value"))?;
    value.parse().map_err(|_| format!("'{value}' is no value for {name}"))
}

/// What can be given.
pub(crate) const USAGE: &str = "usage: chat [--port 8080] [--bind 127.0.0.1]";
