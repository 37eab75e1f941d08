//! What Linux tells of a process: its CPU time and its memory. Elsewhere nothing is known.

use std::fs;

/// Linux counts CPU time in ticks of 10 ms for whoever reads it, whatever it does inside.
const TICK_NANOSECONDS: u64 = 10_000_000;

/// What some processes have used so far, together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Of all threads, those that ended included; nanoseconds.
    pub(crate) cpu: u64,
    /// Bytes.
    pub(crate) resident: u64,
    /// The most it ever was, bytes.
    pub(crate) peak: u64,
}

impl Usage {
    /// Of these processes; an error when one is not there.
    pub(crate) fn of(processes: &[u32]) -> Result<Self, String> {
        let mut sum = Self::default();
        for process in processes {
            let read = |file| {
                let path = format!("/proc/{process}/{file}");
                fs::read_to_string(&path).map_err(|err| format!("cannot read {path}: {err}"))
            };
            let cpu = cpu_time(&read("stat")?).ok_or("the CPU time of a process cannot be read")?;
            let status = read("status")?;
            sum.cpu += cpu;
            sum.resident += bytes(&status, "VmRSS:");
            sum.peak += bytes(&status, "VmHWM:");
        }
        Ok(sum)
    }

    /// Of this process; nothing where that is not known.
    pub(crate) fn own() -> Self {
        Self::of(&[std::process::id()]).unwrap_or_default()
    }
}

/// How many files this process may have open, if that is known and bounded.
pub(crate) fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// From the text of `stat`: user and system time of all threads.
fn cpu_time(stat: &str) -> Option<u64> {
    // The name of a program may have anything in it, so fields count from its closing bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * TICK_NANOSECONDS)
}

fn bytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_an_awkward_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 1 2 3 4 77 88 9 9 20 0 3 0 5";
        assert_eq!(cpu_time(stat), Some(1_650_000_000));
        assert_eq!(cpu_time("nothing"), None);
    }

    #[test]
    fn memory_is_read_by_its_name() {
        assert_eq!(bytes("VmPeak: 9 kB\nVmHWM:\t  20 kB\nVmRSS:\t 10 kB\n", "VmHWM:"), 20_480);
        assert_eq!(bytes("", "VmRSS:"), 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of(&[u32::MAX]).is_err());
    }
}
