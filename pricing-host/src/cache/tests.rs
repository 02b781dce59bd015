//! Tests of what a cache returns, and what it does not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::*;

fn key(number: u8) -> CacheKey {
    CacheKey(Digest::of(&[number]))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder that does not exist yet, in a temporary one.
fn place() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("bidprice").join("plugins");
    (outer, path)
}

fn files(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_put_is_got_until_it_is_replaced() {
    let (_outer, path) = place();
    let cache = Cache::open(&path).unwrap();
    assert_eq!(cache.get(&key(1)), None);
    for artefact in [&b"one"[..], b"", b"another"] {
        cache.put(&key(1), artefact).unwrap();
        assert_eq!(cache.get(&key(1)).unwrap(), artefact);
        assert_eq!(Cache::open(&path).unwrap().get(&key(1)).unwrap(), artefact);
    }
    assert_eq!(cache.get(&key(2)), None);
    assert_eq!(files(&path), [key(1).file_name(), "key".to_owned()]);
}

#[test]
fn the_folder_and_its_key_are_the_owners_alone() {
    let (_outer, path) = place();
    Cache::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let key = fs::metadata(path.join("key")).unwrap();
    assert_eq!((key.permissions().mode() & 0o777, key.len()), (0o600, 32));
    let shown = format!("{:?}", Cache::open(&path).unwrap());
    assert!(!shown.contains('['), "the key is not shown: {shown}");
}

#[test]
fn folders_that_others_can_write_are_refused() {
    let (outer, path) = place();
    Cache::open(&path).unwrap();
    for open in [0o770, 0o720, 0o702, 0o1777] {
        mode(&path, open);
        let message = Cache::open(&path).unwrap_err().to_string();
        assert!(message.contains("others can write to it"), "{message}");
    }
    mode(&path, 0o755);
    Cache::open(&path).unwrap();

    let link = outer.path().join("link");
    symlink(&path, &link).unwrap();
    for link in [link.clone(), link.join(""), link.join(".")] {
        let message = Cache::open(&link).unwrap_err().to_string();
        assert!(message.contains("symbolic link"), "{message}");
    }
    let file = outer.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Cache::open(&file).unwrap_err().to_string().contains("not a folder"));
    assert!(Cache::open(&file.join("below")).is_err());
}

#[test]
fn keys_that_others_know_or_that_are_damaged_are_refused() {
    let (_outer, path) = place();
    Cache::open(&path).unwrap();
    mode(&path.join("key"), 0o640);
    assert!(Cache::open(&path).unwrap_err().to_string().contains("only you can read"));
    mode(&path.join("key"), 0o600);
    for wrong in [&b""[..], b"short", &[7; 33]] {
        fs::write(path.join("key"), wrong).unwrap();
        assert!(Cache::open(&path).unwrap_err().to_string().contains("damaged"));
    }
    fs::rename(path.join("key"), path.join("other")).unwrap();
    symlink("other", path.join("key")).unwrap();
    assert!(Cache::open(&path).is_err());
    fs::remove_file(path.join("key")).unwrap();
    fs::create_dir(path.join("key")).unwrap();
    assert!(Cache::open(&path).is_err());
}

#[test]
fn a_flipped_bit_anywhere_is_not_given_out() {
    let (_outer, path) = place();
    let cache = Cache::open(&path).unwrap();
    cache.put(&key(1), b"artefact").unwrap();
    let entry = path.join(key(1).file_name());
    let good = fs::read(&entry).unwrap();
    let mut bad: Vec<Vec<u8>> = (0..good.len())
        .map(|index| {
            let mut flipped = good.clone();
            flipped[index] ^= 1;
            flipped
        })
        .collect();
    bad.extend((0..good.len()).map(|length| good[..length].to_vec()));
    bad.push([&good[..], b"more"].concat());
    // Private to the owner, whatever the umask is.
    let put = |bytes: &[u8]| {
        fs::write(&entry, bytes).unwrap();
        mode(&entry, 0o600);
    };
    for bytes in bad {
        put(&bytes);
        assert_eq!(cache.get(&key(1)), None);
        assert!(!entry.exists(), "what does not verify is removed");
    }
    put(&good);
    assert_eq!(cache.get(&key(1)).unwrap(), b"artefact");
}

#[test]
fn entries_do_not_verify_under_another_name_or_key() {
    let ((_outer, path), (_other_outer, other_path)) = (place(), place());
    let (cache, other) = (Cache::open(&path).unwrap(), Cache::open(&other_path).unwrap());
    cache.put(&key(1), b"one").unwrap();
    other.put(&key(2), b"two").unwrap();
    fs::copy(path.join(key(1).file_name()), path.join(key(3).file_name())).unwrap();
    assert_eq!(cache.get(&key(3)), None);
    fs::copy(other_path.join(key(2).file_name()), path.join(key(2).file_name())).unwrap();
    assert_eq!(cache.get(&key(2)), None);
    // With another key file, no entry verifies.
    fs::copy(other_path.join("key"), path.join("key")).unwrap();
    assert_eq!(Cache::open(&path).unwrap().get(&key(1)), None);
}

#[test]
fn links_and_files_that_others_can_write_are_not_read() {
    let (outer, path) = place();
    let cache = Cache::open(&path).unwrap();
    cache.put(&key(1), b"artefact").unwrap();
    let entry = path.join(key(1).file_name());
    mode(&entry, 0o666);
    assert_eq!(cache.get(&key(1)), None);

    cache.put(&key(1), b"artefact").unwrap();
    let elsewhere = outer.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert_eq!(cache.get(&key(1)), None);
    assert!(elsewhere.exists() && !entry.exists(), "the link goes, what it points to stays");

    fs::create_dir(&entry).unwrap();
    assert_eq!(cache.get(&key(1)), None);
    assert!(cache.put(&key(1), b"artefact").is_err());

    if rustix::process::geteuid().is_root() {
        cache.put(&key(2), b"artefact").unwrap();
        let entry = path.join(key(2).file_name());
        std::os::unix::fs::chown(&entry, Some(1), None).unwrap();
        assert_eq!(cache.get(&key(2)), None);
        std::os::unix::fs::chown(&path, Some(1), None).unwrap();
        assert!(Cache::open(&path).unwrap_err().to_string().contains("another user"));
    }
}

#[test]
fn the_least_recently_used_entries_go_first() {
    let (_outer, path) = place();
    let cache = Cache::open(&path).unwrap().with_limit(4 * 1048);
    let age = |number: u8, hours: u64| {
        let file = fs::File::options().write(true).open(path.join(key(number).file_name())).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    for number in 1..=4 {
        cache.put(&key(number), &[number; 1000]).unwrap();
        age(number, u64::from(10 - number));
    }
    assert!(cache.get(&key(1)).is_some(), "using it makes it new");
    cache.put(&key(5), &[5; 1000]).unwrap();
    let left: Vec<_> = (1..=5).filter(|number| cache.get(&key(*number)).is_some()).collect();
    assert_eq!(left, [1, 3, 4, 5]);
    assert!(cache.put(&key(6), &[6; 5000]).is_err(), "one that does not fit at all pushes nothing out");
    assert!(cache.get(&key(5)).is_some());
}

#[test]
fn what_a_crash_left_is_removed_after_a_day() {
    let (_outer, path) = place();
    let cache = Cache::open(&path).unwrap();
    for (name, hours) in [(".tmp-new", 1), (".tmp-old", 25), ("notes", 1000)] {
        let file = fs::File::create(path.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    }
    cache.put(&key(1), b"artefact").unwrap();
    assert_eq!(files(&path), [".tmp-new".to_owned(), key(1).file_name(), "key".to_owned(), "notes".to_owned()]);
}

#[test]
fn a_folder_that_cannot_be_written_any_more_is_a_warning() {
    let (_outer, path) = place();
    let cache = Cache::open(&path).unwrap();
    cache.put(&key(1), b"one").unwrap();
    mode(&path, 0o500);
    let written = cache.put(&key(2), b"two");
    // Permissions do not bind root.
    assert_eq!(written.is_ok(), rustix::process::geteuid().is_root());
    assert_eq!(cache.get(&key(1)).unwrap(), b"one");
    mode(&path, 0o700);
    fs::remove_dir_all(&path).unwrap();
    let warning = cache.put(&key(3), b"three").unwrap_err().to_string();
    assert!(warning.contains("was not written"), "{warning}");
    assert_eq!(cache.get(&key(3)), None);
}

#[test]
fn keys_tell_binaries_classes_and_settings_apart() {
    use crate::engine::{Purpose, engine};
    let [one, two] = [b"1", b"2"].map(|bytes| Digest::of(bytes));
    let compile = engine(SizeClass::Standard, Purpose::Compile { parallel: false }).unwrap();
    let other = Engine::default();
    let base = CacheKey::new(&one, &compile, SizeClass::Standard);
    assert_eq!(base, CacheKey::new(&one, &compile, SizeClass::Standard));
    assert_ne!(base, CacheKey::new(&two, &compile, SizeClass::Standard));
    assert_ne!(base, CacheKey::new(&one, &compile, SizeClass::Engine));
    assert_ne!(base, CacheKey::new(&one, &other, SizeClass::Standard));
}
