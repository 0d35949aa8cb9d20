//! Memory that is free.

use diph_core::ByteSize;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Memory that this process may hold without swapping: what it has, and what the system has left (on Linux `MemAvailable`), or
/// less where a control group (version 1 or 2) sets a limit to this process; there, files in the page cache do not count as used.
/// Of a group's neighbours below a common limit nothing is known. `None` where the system does not say.
pub fn available_memory() -> Option<ByteSize> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let free = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    let id = sysinfo::get_current_pid().ok()?;
    let memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, memory);
    let process = system.process(id)?;
    let of_group = process.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let left = free.into_iter().chain(of_group).min()?;
    Some(ByteSize(left.saturating_add(process.memory())))
}

/// Memory that this process holds now. `None` where the system does not say.
pub fn resident_memory() -> Option<ByteSize> {
    let id = sysinfo::get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[id]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    Some(ByteSize(system.process(id)?.memory()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn it_is_no_more_than_the_kernel_says() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let line = text.lines().find(|line| line.starts_with("MemTotal")).unwrap();
        let total: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let available = available_memory().unwrap().0;
        assert!(available > 1 << 20 && available <= total << 10, "{available} of {total} KiB");
    }
}
