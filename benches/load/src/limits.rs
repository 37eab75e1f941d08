//! How much load may go where.

use crate::{options::Remote, target::Target};

/// The most that a server may be given; one for remote servers that are not said to be one's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    connections: usize,
    connect_rate: f64,
    in_flight: usize,
    rate: f64,
}

const POLITE: Limits = Limits { connections: 1000, connect_rate: 100.0, in_flight: 16, rate: 5000.0 };

/// What this program itself is made for.
const OWN: Limits =
    Limits { connections: 5_000_000, connect_rate: f64::INFINITY, in_flight: 32_768, rate: f64::INFINITY };

impl Limits {
    /// For this server; an error when it is remote and that was not allowed.
    pub(crate) fn of(target: &Target, allow_remote: Option<Remote>) -> Result<Self, String> {
        match allow_remote {
            _ if target.is_local() => Ok(OWN),
            Some(Remote::Unlimited) => Ok(OWN),
            Some(Remote::Polite) => Ok(POLITE),
            None => Err(format!(
                "{} is not this machine: load a server only if it is yours, with --allow-remote",
                target.host
            )),
        }
    }

    /// The rate of new connections for one that was asked for, 0 being none.
    pub(crate) fn connect_rate(&self, asked: f64) -> Result<f64, String> {
        match asked {
            0.0 if self.connect_rate.is_finite() => Ok(self.connect_rate),
            _ if asked > self.connect_rate => Err(self.exceeded("connect-rate", self.connect_rate)),
            _ => Ok(asked),
        }
    }

    pub(crate) fn check_connections(&self, asked: usize) -> Result<(), String> {
        within("connections", asked, self.connections).map_err(|err| self.explained(err))
    }

    pub(crate) fn check_in_flight(&self, asked: usize) -> Result<(), String> {
        within("in-flight", asked, self.in_flight).map_err(|err| self.explained(err))
    }

    pub(crate) fn check_rate(&self, asked: f64) -> Result<(), String> {
        if !(asked.is_finite() && asked > 0.0) {
            return Err("--rate must be more than 0".to_owned());
        }
        if asked > self.rate { Err(self.exceeded("rate", self.rate)) } else { Ok(()) }
    }

    fn exceeded(&self, option: &str, most: f64) -> String {
        self.explained(format!("--{option} must be at most {most}"))
    }

    fn explained(&self, err: String) -> String {
        if *self == POLITE {
            format!("{err} for a remote server, without --allow-remote=unlimited")
        } else {
            err
        }
    }
}

fn within(option: &str, asked: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&asked) { Ok(()) } else { Err(format!("--{option} must be between 1 and {most}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(url: &str, allowed: Option<Remote>) -> Result<Limits, String> {
        Limits::of(&Target::parse(url).unwrap(), allowed)
    }

    #[test]
    fn remote_servers_have_to_be_allowed() {
        assert_eq!(limits("http://127.0.0.1/", None), Ok(OWN));
        assert!(limits("http://192.0.2.1/", None).unwrap_err().contains("--allow-remote"));
        assert_eq!(limits("http://192.0.2.1/", Some(Remote::Polite)), Ok(POLITE));
        assert_eq!(limits("http://192.0.2.1/", Some(Remote::Unlimited)), Ok(OWN));
    }

    #[test]
    fn polite_load_stays_within_its_limits() {
        assert_eq!((POLITE.connect_rate(0.0), OWN.connect_rate(0.0)), (Ok(100.0), Ok(0.0)));
        assert_eq!(POLITE.connect_rate(20.0), Ok(20.0));
        assert!(POLITE.connect_rate(200.0).unwrap_err().contains("--allow-remote=unlimited"));
        assert!(POLITE.check_connections(1000).is_ok() && POLITE.check_connections(1001).is_err());
        assert!(POLITE.check_in_flight(16).is_ok() && POLITE.check_in_flight(17).is_err());
        assert!(POLITE.check_rate(5000.0).is_ok() && POLITE.check_rate(5001.0).is_err());
        assert!(
            OWN.check_rate(1e7).is_ok() && OWN.check_rate(0.0).is_err() && OWN.check_rate(f64::NAN).is_err()
        );
        assert!(OWN.check_connections(0).is_err());
    }
}
