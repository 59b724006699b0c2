//! Signals of `STOPSIGNAL`: a number, or a Linux name with or without `SIG`.

const NAMES: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

pub(super) fn is_valid(signal: &str) -> bool {
    if let Ok(number) = signal.parse::<i64>() {
        return number != 0;
    }
    let name = signal.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let offset = |prefix: &str, most: u8| {
        let rest = name.strip_prefix(prefix)?;
        let number = rest.parse::<u8>().ok()?;
        Some((1..=most).contains(&number) && !rest.starts_with(['0', '+']))
    };
    NAMES.contains(&name)
        || name == "RTMAX"
        || offset("RTMIN+", 15) == Some(true)
        || offset("RTMAX-", 14) == Some(true)
}
