//! Why a token was refused, and what is said of it. Specification of authentication, 3.7.

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authentication) enum TokenRefusal {
    TooLong,
    Malformed,
    BadSignature,
    /// No key that is known has signed it.
    KeyNotFound {
        /// Whether it would be valid if one had.
        is_wanted: bool,
    },
    NoExpiration,
    /// It would end before it begins, or the application does not like its times. Seconds since 1970, here and below.
    Lifetime {
        not_before: Option<u64>,
        expires: Option<u64>,
    },
    NotYetValid {
        not_before: u64,
    },
    Expired {
        expires: u64,
    },
    /// Whether it names any.
    Audience {
        is_named: bool,
    },
    /// With the issuer it names, an empty text where it names none; `None` where that is null.
    Issuer(Option<String>),
    /// It is of another kind than is asked for.
    Type,
}

impl TokenRefusal {
    /// For logs: nothing of the token is in it.
    pub(in crate::authentication) const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "the token is too long",
            Self::Malformed => "the token is malformed",
            Self::BadSignature => "the signature is invalid",
            Self::KeyNotFound { .. } => "the signature key was not found",
            Self::NoExpiration => "the token has no expiration",
            Self::Lifetime { .. } => "the token's times are invalid",
            Self::NotYetValid { .. } => "the token is not valid yet",
            Self::Expired { .. } => "the token has expired",
            Self::Audience { .. } => "the audience is invalid",
            Self::Issuer(_) => "the issuer is invalid",
            Self::Type => "the token is of another type",
        }
    }

    /// For the sender, as ASP.NET Core words it; for some kinds nothing.
    pub(in crate::authentication) fn description(&self) -> Option<String> {
        Some(match self {
            Self::TooLong | Self::Malformed | Self::Type => return None,
            Self::BadSignature => "The signature is invalid".to_owned(),
            Self::KeyNotFound { .. } => "The signature key was not found".to_owned(),
            Self::NoExpiration => "The token has no expiration".to_owned(),
            Self::Lifetime { not_before, expires } => format!(
                "The token lifetime is invalid; NotBefore: '{}', Expires: '{}'",
                time_or_none(*not_before),
                time_or_none(*expires)
            ),
            Self::NotYetValid { not_before } => {
                format!("The token is not valid before '{}'", date_time(*not_before))
            }
            Self::Expired { expires } => format!("The token expired at '{}'", date_time(*expires)),
            // Which audiences it names is not repeated.
            Self::Audience { is_named: true } => "The audience '(null)' is invalid".to_owned(),
            Self::Audience { is_named: false } => "The audience 'empty' is invalid".to_owned(),
            Self::Issuer(value) => {
                format!("The issuer '{}' is invalid", shown(value.as_deref().unwrap_or("(null)")))
            }
        })
    }
}

/// What somebody else wrote, short enough to be repeated.
fn shown(value: &str) -> String {
    if value.chars().nth(MAX_SHOWN_CHARS).is_none() {
        return value.to_owned();
    }
    value.chars().take(MAX_SHOWN_CHARS).chain("...".chars()).collect()
}

fn time_or_none(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "(null)".to_owned(), date_time)
}

/// `MM/dd/yyyy HH:mm:ss` in UTC.
fn date_time(seconds: u64) -> String {
    let (days, second) = (seconds / DAY, seconds % DAY);
    // Years are counted from March, so that the leap day is a year's last, and in eras of 400
    // years, which are all of one length. 719468 days lie between year 0 so counted and 1970.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let (month, next_year) = if march_month < 10 { (march_month + 3, 0) } else { (march_month - 9, 1) };
    let year = era * 400 + year_of_era + next_year;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
}

const DAY: u64 = 86_400;

/// A header has to stay well below what proxies take.
const MAX_SHOWN_CHARS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_month_first() {
        let table = [
            (0, "01/01/1970 00:00:00"),
            (951_782_400, "02/29/2000 00:00:00"),
            (1_078_012_799, "02/28/2004 23:59:59"),
            (1_078_099_199, "02/29/2004 23:59:59"),
            (1_700_000_000, "11/14/2023 22:13:20"),
            (4_107_542_399, "02/28/2100 23:59:59"),
            (4_107_542_400, "03/01/2100 00:00:00"),
            (253_402_300_799, "12/31/9999 23:59:59"),
        ];
        for (seconds, text) in table {
            assert_eq!(date_time(seconds), text);
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shown(&"é".repeat(256)).chars().count(), 256);
        assert_eq!(shown(&"é".repeat(257)), format!("{}...", "é".repeat(256)));
    }
}
