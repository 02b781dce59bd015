use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::fs::{Mode, mknodat};

use super::*;

/// A way to open a file.
type Way = fn(&Path) -> Result<(), FileError>;

/// A folder with one of each kind that is not a plain file, and links to them.
struct Zoo(tempfile::TempDir);

impl Zoo {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        UnixListener::bind(path("socket")).unwrap();
        symlink("pipe", path("to-pipe")).unwrap();
        symlink("to-pipe", path("to-link")).unwrap();
        symlink("/dev/zero", path("to-device")).unwrap();
        symlink("loop", path("loop")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn only_plain_files_are_opened_whatever_leads_to_something_else() {
    let zoo = Zoo::new();
    let wrong = [
        ("folder", Kind::Folder),
        ("pipe", Kind::Pipe),
        ("socket", Kind::Socket),
        ("to-pipe", Kind::Pipe),
        ("to-link", Kind::Pipe),
        ("to-device", Kind::Device),
    ];
    let ways: [Way; 4] = [
        |path| open(path).map(drop),
        |path| open_or_create(path).map(drop),
        |path| read_text(path, 10).map(drop),
        |path| Output::create(path).map(drop),
    ];
    for (name, kind) in wrong {
        for (way, open) in ways.iter().enumerate() {
            let refused = open(&zoo.path(name));
            assert!(matches!(refused, Err(FileError::NotPlain(found)) if found == kind), "{name} {way}: {refused:?}");
        }
    }
    for device in ["/dev/zero", "/dev/null", "/dev/full", "/dev/tty"] {
        let refused = read(Path::new(device), 10);
        assert!(matches!(refused, Err(FileError::NotPlain(Kind::Device))), "{device}: {refused:?}");
    }
    assert!(matches!(open(&zoo.path("loop")), Err(FileError::Io(_))));
    assert!(open(&zoo.path("absent")).unwrap_err().is_not_found());
}

#[test]
fn a_link_is_refused_where_none_is_followed() {
    let zoo = Zoo::new();
    fs::write(zoo.path("file"), "x").unwrap();
    symlink("file", zoo.path("to-file")).unwrap();
    assert!(open(&zoo.path("to-file")).is_ok());
    assert!(open_no_link(&zoo.path("file")).is_ok());
    for name in ["to-file", "to-pipe", "loop"] {
        let refused = open_no_link(&zoo.path(name));
        assert!(matches!(refused, Err(FileError::NotPlain(Kind::Link))), "{name}: {refused:?}");
    }
}

#[test]
fn no_more_is_read_than_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert!(matches!(read(&path, 4), Err(FileError::TooLarge(4))));
    // A sparse file: its size is checked, and none of it is read.
    let sparse = File::options().write(true).open(&path).unwrap();
    sparse.set_len(1 << 40).unwrap();
    assert!(matches!(read(&path, 1 << 30), Err(FileError::TooLarge(_))));
    // An endless stream that does not report its size.
    assert!(matches!(read_from(io::repeat(b'x'), 1000), Err(FileError::TooLarge(1000))));
    assert_eq!(read_from(io::empty(), 0).unwrap(), b"");
}

#[test]
fn files_that_say_they_are_empty_are_read_all_the_same() {
    let status = Path::new("/proc/self/status");
    assert_eq!(fs::metadata(status).unwrap().len(), 0);
    assert!(read_text(status, 1 << 16).unwrap().contains("Name:"));
    assert!(matches!(read(status, 10), Err(FileError::TooLarge(10))));
}

#[test]
fn texts_are_utf_8_with_a_mark_or_without() {
    let read = |bytes: &[u8]| text(bytes.to_vec());
    assert_eq!(read("größe".as_bytes()).unwrap(), "größe");
    assert_eq!(read(b"\xef\xbb\xbfakash1x").unwrap(), "akash1x");
    assert_eq!(read(b"").unwrap(), "");
    // Only the first one is a byte order mark.
    assert_eq!(read(b"\xef\xbb\xbf\xef\xbb\xbfx").unwrap(), "\u{feff}x");
    assert!(matches!(read(b"\xff\xfe{\0"), Err(FileError::Utf16)));
    assert!(matches!(read(b"\xfe\xff\0{"), Err(FileError::Utf16)));
    assert!(matches!(read(b"a\x80"), Err(FileError::NotText)));
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let names = || fs::read_dir(folder.path()).unwrap().count();
    write_whole(&path, |to| to.write_all(b"one")).unwrap();
    assert_eq!((fs::read(&path).unwrap(), names()), (b"one".to_vec(), 1));
    let failed = write_whole(&path, |to| to.write_all(b"two").and(Err(io::Error::other("the disk is full"))));
    assert!(failed.unwrap_err().to_string().contains("the disk is full"));
    assert_eq!((fs::read(&path).unwrap(), names()), (b"one".to_vec(), 1));
    // Through a link, the file behind it is replaced and the link stays.
    symlink("file", folder.path().join("link")).unwrap();
    write_whole(&folder.path().join("link"), |to| to.write_all(b"three")).unwrap();
    assert_eq!((fs::read(&path).unwrap(), names()), (b"three".to_vec(), 2));
}

#[test]
fn what_is_there_can_be_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for more in ["a", "b"] {
        let mut file = open_or_create(&path).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(more.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "ab");
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.toml");
    for mode in [0o600, 0o640, 0o664] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        write_whole(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
