//! Who is the master, as Redis Sentinel knows it.

use futures::{StreamExt, stream::FuturesUnordered};
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};

/// The Sentinels that watch over a master.
pub(super) struct Sentinels {
    /// The name the master goes by.
    pub(super) master: String,
    pub(super) clients: Vec<Client>,
}

impl Sentinels {
    /// The address of the master: what most of them say. All are asked at once, and who is silent is not waited for when more
    /// than half of them agree; one that is cut off from the others does not decide while they can be reached.
    pub(super) async fn master(&self, config: &AsyncConnectionConfig) -> RedisResult<(String, u16)> {
        let mut asked: FuturesUnordered<_> =
            self.clients.iter().map(|client| self.ask(client, config)).collect();
        let (mut votes, mut failure) = (Votes::default(), None);
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(address) => {
                    if votes.add(address) * 2 > self.clients.len() {
                        break;
                    }
                }
                Err(err) => failure = Some(err),
            }
        }
        votes.winner().ok_or_else(|| {
            failure.unwrap_or_else(|| RedisError::from(std::io::Error::other("there is no Sentinel")))
        })
    }

    async fn ask(&self, sentinel: &Client, config: &AsyncConnectionConfig) -> RedisResult<(String, u16)> {
        let mut connection = sentinel.get_multiplexed_async_connection_with_config(config).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("get-master-addr-by-name").arg(&self.master);
        let address: Option<(String, u16)> = question.query_async(&mut connection).await?;
        address
            .ok_or_else(|| RedisError::from(std::io::Error::other("a Sentinel knows no master of the name")))
    }
}

/// How many have named each address.
#[derive(Default)]
struct Votes(Vec<((String, u16), usize)>);

impl Votes {
    /// Counts one more for an address; says how many it has.
    fn add(&mut self, address: (String, u16)) -> usize {
        if let Some((_, votes)) = self.0.iter_mut().find(|(known, _)| *known == address) {
            *votes += 1;
            return *votes;
        }
        self.0.push((address, 1));
        1
    }

    /// The address with the most; of two with as many, the one that was named first.
    fn winner(self) -> Option<(String, u16)> {
        self.0.into_iter().rev().max_by_key(|(_, votes)| *votes).map(|(address, _)| address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_say_is_so_and_of_two_that_was_said_first() {
        let address = |port| ("host".to_owned(), port);
        let mut votes = Votes::default();
        assert_eq!(votes.add(address(1)), 1);
        assert_eq!(votes.add(address(2)), 1);
        assert_eq!(votes.add(address(2)), 2);
        assert_eq!(votes.winner(), Some(address(2)));

        let mut votes = Votes::default();
        votes.add(address(1));
        votes.add(address(2));
        assert_eq!(votes.winner(), Some(address(1)));
        assert_eq!(Votes::default().winner(), None);
    }
}
