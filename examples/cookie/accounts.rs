//! Who is registered: an actor on a thread of its own, as SQLite and the hashing of passwords wait for nobody.

use std::{path::PathBuf, sync::Mutex};

use actix::prelude::*;
use actix_signalr::{ClaimsIdentity, claim_types};
use rusqlite::{Connection, OptionalExtension, params};

use crate::passwords;

/// One thread: attempts to guess passwords stand in line, and no more than one hash is in memory at a time.
pub(crate) struct Accounts {
    database: Connection,
    /// Of a password that nobody has: an unknown name takes as long as a wrong password, so that the time tells nothing.
    nobodys: String,
}

impl Accounts {
    /// Accounts in a file, or in memory, which are gone with the process.
    #[allow(clippy::expect_used, reason = "without its database the thread has nothing to do")]
    pub(crate) fn start(
        file: Option<PathBuf>,
    ) -> Result<Addr<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let database = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        database.execute_batch(TABLES)?;
        let nobodys = passwords::hash("").map_err(|err| err.to_string())?;
        let only = Mutex::new(Some(Self { database, nobodys }));
        // One thread asks for one actor. It would ask for another if that panicked: there is none, and the thread ends.
        Ok(SyncArbiter::start(1, move || {
            only.lock().ok().and_then(|mut only| only.take()).expect("one database")
        }))
    }

    /// The claims of an account: its id, its name, and what was stored of it, such as the mail address.
    fn identity(&self, id: i64, name: &str) -> rusqlite::Result<ClaimsIdentity> {
        let identity = ClaimsIdentity::new("Identity.Application")
            .claim(claim_types::NAME_IDENTIFIER, id.to_string())
            .claim(claim_types::NAME, name);
        let mut query = self.database.prepare("SELECT type, value FROM user_claims WHERE user_id = ?")?;
        let claims = query.query_map([id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        claims.into_iter().try_fold(identity, |identity, claim| {
            let (kind, value) = claim?;
            Ok(identity.claim(kind, value))
        })
    }
}

impl Actor for Accounts {
    type Context = SyncContext<Self>;
}

/// Makes an account. `Err` says to the person what is wrong with it.
#[derive(Message)]
#[rtype(result = "Result<ClaimsIdentity, String>")]
pub(crate) struct Register {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Handler<Register> for Accounts {
    type Result = Result<ClaimsIdentity, String>;

    fn handle(&mut self, Register { email, password }: Register, _: &mut Self::Context) -> Self::Result {
        let hash = passwords::hash(&password).map_err(failed)?;
        let change = self.database.transaction().map_err(failed)?;
        let inserted =
            change.execute("INSERT INTO users (name, password) VALUES (?, ?)", params![email, hash]);
        match inserted {
            Err(err) if err.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                return Err(format!("Username '{email}' is already taken."));
            }
            inserted => inserted.map_err(failed)?,
        };
        let id = change.last_insert_rowid();
        // Only once the account is there. The claim is what makes the address the user id of connections.
        let claim = "INSERT INTO user_claims (user_id, type, value) VALUES (?, ?, ?)";
        change.execute(claim, params![id, claim_types::EMAIL, email]).map_err(failed)?;
        change.commit().map_err(failed)?;
        self.identity(id, &email).map_err(failed)
    }
}

/// The claims of somebody who knows the password of an account; `None` for anybody else.
#[derive(Message)]
#[rtype(result = "Option<ClaimsIdentity>")]
pub(crate) struct LogIn {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Handler<LogIn> for Accounts {
    type Result = Option<ClaimsIdentity>;

    fn handle(&mut self, LogIn { email, password }: LogIn, _: &mut Self::Context) -> Self::Result {
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, String>(2)?));
        let query = "SELECT id, name, password FROM users WHERE name = ?";
        let found: Option<(i64, String, String)> =
            self.database.query_row(query, [&email], row).optional().ok().flatten();
        let hash = found.as_ref().map_or(&self.nobodys, |(_, _, hash)| hash);
        let is_right = passwords::is_right(&password, hash);
        let (id, name, _) = found.filter(|_| is_right)?;
        self.identity(id, &name).ok()
    }
}

/// What is told of a failure of the server's own.
fn failed(err: impl std::fmt::Display) -> String {
    tracing::error!(error = %err, "the accounts have failed");
    "Something went wrong. Try again later.".to_owned()
}

/// Names are the same in upper and lower case: one address is not to be two accounts.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS user_claims (
        user_id INTEGER NOT NULL REFERENCES users (id),
        type TEXT NOT NULL,
        value TEXT NOT NULL
    );
";
