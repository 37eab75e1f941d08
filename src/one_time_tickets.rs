//! Tickets that stand for a token once, for a short time: what may be read in an address afterwards.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{ConnectionToken, GiveBack};
use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use parking_lot::Mutex;

use crate::{authentication::AuthenticationTicket, error::ConnectError, sweeper::Sweeper};

/// The tickets of one route that nobody has redeemed yet, shared by all workers.
#[derive(Default)]
pub(crate) struct OneTimeTickets(Mutex<Table>);

#[derive(Default)]
struct Table {
    waiting: HashMap<ConnectionToken, AuthenticationTicket>,
    /// In the order in which they were issued, to find those that have expired.
    issued: VecDeque<(Instant, ConnectionToken)>,
    /// What throws them away in the end, where there are any.
    sweeper: Sweeper,
}

impl OneTimeTickets {
    /// A new ticket for somebody who has been authenticated.
    pub(crate) fn issue(
        self: &Arc<Self>,
        of: AuthenticationTicket,
        now: Instant,
    ) -> Result<ConnectionToken, ConnectError> {
        let mut table = self.0.lock();
        table.expire(now);
        if table.issued.len() >= MAXIMUM_WAITING {
            return Err(ConnectError::TooManyConnections);
        }
        let ticket = ConnectionToken::random();
        table.issued.push_back((now, ticket.clone()));
        table.waiting.insert(ticket.clone(), of);
        table.sweeper.start(self, Self::sweep);
        Ok(ticket)
    }

    /// Whom a ticket stands for; the second time, and when it has expired, nobody.
    pub(crate) fn redeem(&self, ticket: &str, now: Instant) -> Option<AuthenticationTicket> {
        let mut table = self.0.lock();
        table.expire(now);
        table.waiting.remove(ticket)
    }

    /// Throws away those whose time is over; says for how long the last of those that are left is good.
    fn sweep(&self, now: Instant) -> Option<Duration> {
        let mut table = self.0.lock();
        table.expire(now);
        let last = table.issued.back().map(|(issued, _)| *issued + LIFETIME);
        if last.is_none() {
            table.sweeper.ends();
        }
        last.map(|end| end.saturating_duration_since(now))
    }
}

impl Table {
    fn expire(&mut self, now: Instant) {
        let is_over = |issued: Instant| now.saturating_duration_since(issued) > LIFETIME;
        while let Some((_, ticket)) = self.issued.pop_front_if(|(issued, _)| is_over(*issued)) {
            self.waiting.remove(&ticket);
        }
        self.waiting.give_back();
        self.issued.give_back();
    }
}

impl fmt::Debug for OneTimeTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTickets").finish_non_exhaustive()
    }
}

/// The answer that gives a ticket away: not to be kept by anybody on its way.
pub(crate) fn response(ticket: &ConnectionToken) -> HttpResponse {
    let body = format!(r#"{{"ticket":"{}","expiresIn":{}}}"#, ticket.expose(), LIFETIME.as_secs());
    HttpResponse::Ok().content_type("application/json").insert_header((CACHE_CONTROL, "no-store")).body(body)
}

/// How long a ticket is good: enough to open a connection with it.
const LIFETIME: Duration = Duration::from_secs(30);

/// Redeemed ones count until their time is over.
const MAXIMUM_WAITING: usize = 65_536;

#[cfg(test)]
mod tests {
    use actix_rt::task::yield_now;

    use super::*;

    fn ann() -> AuthenticationTicket {
        AuthenticationTicket::new(Arc::default(), "Bearer")
    }

    fn long_ago() -> Instant {
        Instant::now().checked_sub(LIFETIME * 2).unwrap()
    }

    #[actix_web::test]
    async fn a_ticket_is_good_once() {
        let (tickets, now) = (Arc::new(OneTimeTickets::default()), Instant::now());
        let ticket = tickets.issue(ann(), now).unwrap();
        assert!(tickets.redeem(ticket.expose(), now).is_some());
        assert!(tickets.redeem(ticket.expose(), now).is_none());
    }

    #[actix_web::test]
    async fn a_ticket_is_good_for_half_a_minute() {
        let (tickets, now) = (Arc::new(OneTimeTickets::default()), Instant::now());
        let [first, second] = [(); 2].map(|()| tickets.issue(ann(), now).unwrap());
        assert!(tickets.redeem(first.expose(), now + LIFETIME).is_some());
        assert!(tickets.redeem(second.expose(), now + LIFETIME + Duration::from_millis(1)).is_none());
        assert!(tickets.0.lock().issued.is_empty());
    }

    #[actix_web::test]
    async fn what_is_no_ticket_is_nobodys() {
        let (tickets, now) = (Arc::new(OneTimeTickets::default()), Instant::now());
        let ticket = tickets.issue(ann(), now).unwrap();
        let good = ticket.expose();
        let longer = format!("{good}A");
        for bad in ["", "A", &good[1..], &longer, "*", &"A".repeat(22), &"A".repeat(100_000)] {
            assert!(tickets.redeem(bad, now).is_none(), "{bad}");
        }
        assert!(tickets.redeem(good, now).is_some());
    }

    #[actix_web::test]
    async fn there_is_an_end_to_tickets_until_some_expire() {
        let (tickets, now) = (Arc::new(OneTimeTickets::default()), Instant::now());
        for _ in 0..MAXIMUM_WAITING {
            tickets.issue(ann(), now).unwrap();
        }
        assert_eq!(tickets.issue(ann(), now).unwrap_err(), ConnectError::TooManyConnections);
        tickets.issue(ann(), now + LIFETIME * 2).unwrap();
    }

    #[actix_web::test]
    async fn what_nobody_redeems_is_forgotten_though_nobody_comes() {
        let tickets = Arc::new(OneTimeTickets::default());
        for _ in 0..2 {
            tickets.issue(ann(), long_ago()).unwrap();
            yield_now().await;
            let table = tickets.0.lock();
            assert!(table.issued.is_empty() && table.waiting.is_empty());
        }
    }

    #[actix_web::test]
    async fn they_are_looked_at_until_the_last_of_them_is_over() {
        let (tickets, now) = (Arc::new(OneTimeTickets::default()), Instant::now());
        let (second, moment) = (Duration::from_secs(1), Duration::from_millis(1));
        tickets.issue(ann(), now).unwrap();
        tickets.issue(ann(), now + second).unwrap();
        assert_eq!(tickets.sweep(now + second), Some(LIFETIME));
        assert_eq!(tickets.sweep(now + LIFETIME + moment), Some(second - moment));
        assert_eq!(tickets.0.lock().waiting.len(), 1);
        assert_eq!(tickets.sweep(now + LIFETIME + second + moment), None);
    }
}
