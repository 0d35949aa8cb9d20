//! Whether a plugin's file is one that others could have put there or changed.

use std::path::Path;

use crate::LoadError;

/// Fails on a library that everybody may write to, or whose owner is neither the user nor root, and on one in such a folder: what
/// runs with the rights of the user must not come from somebody else. Folders that everybody may write to are fine where only the owner
/// of a file may replace it (the sticky bit, as on the system's folder for temporary files); a group that may write is
/// fine too, as laboratories share folders so.
#[cfg(unix)]
pub(crate) fn check_trust(path: &Path) -> Result<(), LoadError> {
    let user = rustix::process::geteuid().as_raw();
    let read = |path: &Path| std::fs::metadata(path).map_err(|source| LoadError::Read { path: path.into(), source });
    let untrusted = |reason| LoadError::Untrusted { path: path.into(), reason };
    let file = read(path)?;
    if let Some(reason) = suspicion(&file, user, false) {
        return Err(untrusted(format!("the file {reason}")));
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    match suspicion(&read(folder)?, user, true) {
        Some(reason) => Err(untrusted(format!("its folder {reason}"))),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) fn check_trust(_path: &Path) -> Result<(), LoadError> {
    Ok(())
}

/// What is wrong with owner and permissions.
#[cfg(unix)]
fn suspicion(metadata: &std::fs::Metadata, user: u32, is_folder: bool) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    const WRITABLE_BY_ALL: u32 = 0o002;
    let (mode, owner) = (metadata.mode(), metadata.uid());
    if mode & WRITABLE_BY_ALL != 0 && !(is_folder && mode & STICKY != 0) {
        return Some(format!("may be written by everybody (mode {:o})", mode & 0o7777));
    }
    (owner != 0 && owner != user).then(|| format!("belongs to user {owner}, who is neither root nor you"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_everybody_may_write_is_refused() {
        let folder = std::env::temp_dir().join(format!("diph-trust-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("x.so");
        fs::write(&file, "").unwrap();
        for (folder_mode, file_mode, said) in [
            (0o755, 0o644, None),
            (0o775, 0o664, None),
            (0o1777, 0o644, None),
            (0o777, 0o644, Some("its folder may be written by everybody")),
            (0o755, 0o666, Some("the file may be written by everybody (mode 666)")),
        ] {
            fs::set_permissions(&folder, Permissions::from_mode(folder_mode)).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(file_mode)).unwrap();
            match (check_trust(&file), said) {
                (Ok(()), None) => {}
                (Err(error), Some(said)) => assert!(error.to_string().contains(said), "{error}"),
                (result, _) => panic!("{folder_mode:o} {file_mode:o}: {result:?}"),
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
