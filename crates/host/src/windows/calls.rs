//! One function for each call of the system, with a handle and bytes in and out.
//!
//! What they refuse is told by codes ([`is_missing_feature`], [`is_denial`]); what the bytes mean is in
//! `buffers`. Calls on names go to `Nt*` functions: those take an open directory and a name in it, so
//! nothing on the way can be swapped, no length is limited and no name is reserved.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::Foundation as codes;
use windows_sys::Win32::Security as security;
use windows_sys::Win32::Storage::FileSystem as fs;
use windows_sys::Win32::System::IO::{DeviceIoControl, IO_STATUS_BLOCK};
use windows_sys::Win32::System::Ioctl::{FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT};

/// How something is opened in a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    /// `FILE_*` access rights; waiting for the end of calls is always among them.
    pub(crate) access: u32,
    /// Whether it is made; then it must not be there.
    pub(crate) creates: bool,
    /// `FILE_DIRECTORY_FILE` and other options of `NtCreateFile`.
    pub(crate) options: u32,
}

/// Opens `name` in `directory`. Others may read, write and remove it meanwhile.
pub(crate) fn open_at(directory: &File, name: &[u16], opening: Opening) -> io::Result<File> {
    let length = u16::try_from(name.len() * 2).map_err(|_| io::ErrorKind::InvalidFilename)?;
    let text = codes::UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: name.as_ptr().cast_mut(),
    };
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: directory.as_raw_handle(),
        ObjectName: &text,
        Attributes: codes::OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: null(),
        SecurityQualityOfService: null(),
    };
    let mut handle = null_mut();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: all pointers are to values of this frame that the call reads or fills and does not keep;
    // `text` describes the slice `name`, which is only read.
    let status = unsafe {
        nt::NtCreateFile(
            &mut handle,
            opening.access | fs::SYNCHRONIZE,
            &attributes,
            &mut block,
            null(),
            fs::FILE_ATTRIBUTE_NORMAL,
            fs::FILE_SHARE_READ | fs::FILE_SHARE_WRITE | fs::FILE_SHARE_DELETE,
            match opening.creates {
                true => nt::FILE_CREATE,
                false => nt::FILE_OPEN,
            },
            opening.options | nt::FILE_SYNCHRONOUS_IO_NONALERT,
            null(),
            0,
        )
    };
    check(status)?;
    // SAFETY: the call succeeded, so the handle is open and nobody else's.
    Ok(File::from(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// The next part of a directory's list, with the files' numbers (`FILE_ID_BOTH_DIR_INFO`) or without
/// (`FILE_FULL_DIR_INFO`), which some file systems lack; false at its end.
pub(crate) fn list(
    directory: &File,
    buffer: &mut [u64],
    from_start: bool,
    with_numbers: bool,
) -> io::Result<bool> {
    let class = match (with_numbers, from_start) {
        (true, true) => fs::FileIdBothDirectoryRestartInfo,
        (true, false) => fs::FileIdBothDirectoryInfo,
        (false, true) => fs::FileFullDirectoryRestartInfo,
        (false, false) => fs::FileFullDirectoryInfo,
    };
    match by_handle(directory, class, buffer) {
        Ok(()) => Ok(true),
        Err(error)
            if is(&error, codes::ERROR_NO_MORE_FILES)
                || is(&error, codes::ERROR_FILE_NOT_FOUND) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Attributes and times.
pub(crate) fn basic(file: &File) -> io::Result<fs::FILE_BASIC_INFO> {
    let mut info = fs::FILE_BASIC_INFO::default();
    fixed(file, fs::FileBasicInfo, &mut info)?;
    Ok(info)
}

/// Sets attributes and times; those that are zero stay as they are.
pub(crate) fn set_basic(file: &File, info: &fs::FILE_BASIC_INFO) -> io::Result<()> {
    set_fixed(file, fs::FileBasicInfo, info)
}

/// Size and number of names.
pub(crate) fn standard(file: &File) -> io::Result<fs::FILE_STANDARD_INFO> {
    let mut info = fs::FILE_STANDARD_INFO::default();
    fixed(file, fs::FileStandardInfo, &mut info)?;
    Ok(info)
}

/// The tag of a reparse point, or 0 if the file with these attributes is none.
pub(crate) fn reparse_tag(file: &File, attributes: u32) -> io::Result<u32> {
    if attributes & fs::FILE_ATTRIBUTE_REPARSE_POINT == 0 {
        return Ok(0);
    }
    let mut info = fs::FILE_ATTRIBUTE_TAG_INFO::default();
    fixed(file, fs::FileAttributeTagInfo, &mut info)?;
    Ok(info.ReparseTag)
}

/// The serial number of the volume, and the file's number there.
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    let mut info = fs::BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and the call fills the value that the pointer is to.
    truth(unsafe { fs::GetFileInformationByHandle(file.as_raw_handle(), &mut info) })?;
    let index = u64::from(info.nFileIndexHigh) << 32 | u64::from(info.nFileIndexLow);
    Ok((u64::from(info.dwVolumeSerialNumber), index))
}

/// Whether the file system has alternate streams. One that does not answer has none.
pub(crate) fn has_streams(file: &File) -> bool {
    const FILE_NAMED_STREAMS: u32 = 0x0004_0000;
    let mut flags = 0;
    // SAFETY: the handle is open, the call fills the flags, and nothing else is asked for.
    let asked = truth(unsafe {
        fs::GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            null_mut(),
            0,
            null_mut(),
            null_mut(),
            &mut flags,
            null_mut(),
            0,
        )
    });
    asked.is_ok() && flags & FILE_NAMED_STREAMS != 0
}

/// The list of the file's streams (`FILE_STREAM_INFO`). A directory may have none.
pub(crate) fn streams(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0u64; 128];
    loop {
        match by_handle(file, fs::FileStreamInfo, &mut buffer) {
            Ok(()) => return Ok(Some(bytes_of(&buffer, buffer.len() * 8))),
            Err(error) if is(&error, codes::ERROR_HANDLE_EOF) || is_missing_feature(&error) => {
                return Ok(None);
            }
            Err(error) if is(&error, codes::ERROR_MORE_DATA) && buffer.len() < 1 << 18 => {
                buffer = vec![0; buffer.len() * 8];
            }
            Err(error) => return Err(error),
        }
    }
}

/// The file's reparse point with tag and length.
pub(crate) fn reparse_point(file: &File) -> io::Result<Option<Vec<u8>>> {
    // MAXIMUM_REPARSE_DATA_BUFFER_SIZE.
    let mut buffer = vec![0u64; 16384 / 8];
    let mut length = 0;
    // SAFETY: the handle is open and synchronous; the call writes at most the buffer's size into it,
    // and its length into the variable.
    let done = truth(unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            FSCTL_GET_REPARSE_POINT,
            null(),
            0,
            buffer.as_mut_ptr().cast(),
            (buffer.len() * 8) as u32,
            &mut length,
            null_mut(),
        )
    });
    match done {
        Ok(()) => Ok(Some(bytes_of(&buffer, length as usize))),
        Err(error) if is(&error, codes::ERROR_NOT_A_REPARSE_POINT) => Ok(None),
        Err(error) if is_missing_feature(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the file a reparse point.
pub(crate) fn set_reparse_point(file: &File, data: &[u8]) -> io::Result<()> {
    let size = u32::try_from(data.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut length = 0;
    // SAFETY: the handle is open and synchronous; the call reads `size` bytes of the slice, and writes
    // into the variable alone.
    truth(unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            FSCTL_SET_REPARSE_POINT,
            data.as_ptr().cast(),
            size,
            null_mut(),
            0,
            &mut length,
            null_mut(),
        )
    })
}

/// The extended attributes (`FILE_FULL_EA_INFORMATION`).
pub(crate) fn extended(file: &File) -> io::Result<Option<Vec<u8>>> {
    // All attributes of a file together have at most 64 KiB; here they have padding besides.
    for size in [4 << 10, 128 << 10] {
        match extended_within(file, size) {
            (codes::STATUS_NO_EAS_ON_FILE | codes::STATUS_NO_MORE_EAS, _) => return Ok(None),
            (codes::STATUS_BUFFER_OVERFLOW | codes::STATUS_BUFFER_TOO_SMALL, _) => {}
            (status, list) => {
                return match check(status) {
                    Ok(()) => Ok(Some(list)),
                    Err(error) if is_missing_feature(&error) => Ok(None),
                    Err(error) => Err(error),
                };
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// The status and the list, which counts if the status says so.
fn extended_within(file: &File, size: u32) -> (codes::NTSTATUS, Vec<u8>) {
    let mut buffer = vec![0u64; size as usize / 8];
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open and synchronous; the call writes at most the buffer's size into it,
    // and its length into the block.
    let status = unsafe {
        nt::NtQueryEaFile(
            file.as_raw_handle(),
            &mut block,
            buffer.as_mut_ptr().cast(),
            size,
            false,
            null(),
            0,
            null(),
            true,
        )
    };
    (status, bytes_of(&buffer, block.Information))
}

/// Sets extended attributes, besides those that are there.
pub(crate) fn set_extended(file: &File, list: &[u8]) -> io::Result<()> {
    let size = u32::try_from(list.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // The call wants them aligned.
    let mut buffer = vec![0u64; list.len().div_ceil(8)];
    for (word, bytes) in buffer.iter_mut().zip(list.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open and synchronous; the call reads `size` bytes, which the buffer has,
    // and fills the block.
    check(unsafe {
        nt::NtSetEaFile(
            file.as_raw_handle(),
            &mut block,
            buffer.as_ptr().cast(),
            size,
        )
    })
}

/// The parts of a descriptor that are read and set.
const DESCRIPTOR_PARTS: u32 = security::OWNER_SECURITY_INFORMATION
    | security::GROUP_SECURITY_INFORMATION
    | security::DACL_SECURITY_INFORMATION;

/// The security descriptor, self-relative, with owner, group and DACL.
pub(crate) fn descriptor(file: &File) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0u64; 64];
    loop {
        let mut needed = 0;
        // SAFETY: the handle is open; the call writes at most the buffer's size into it, and the size
        // that it needs into the variable.
        let done = truth(unsafe {
            security::GetKernelObjectSecurity(
                file.as_raw_handle(),
                DESCRIPTOR_PARTS,
                buffer.as_mut_ptr().cast(),
                (buffer.len() * 8) as u32,
                &mut needed,
            )
        });
        match done {
            Ok(()) => return Ok(bytes_of(&buffer, needed as usize)),
            Err(error)
                if is(&error, codes::ERROR_INSUFFICIENT_BUFFER)
                    && needed as usize > buffer.len() * 8 =>
            {
                buffer = vec![0; (needed as usize).div_ceil(8)];
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sets owner, group and DACL, all or none. `descriptor` is self-relative and valid
/// (`buffers::is_descriptor`), else nothing is set.
pub(crate) fn set_descriptor(file: &File, descriptor: &[u8]) -> io::Result<()> {
    if !super::buffers::is_descriptor(descriptor) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut buffer = vec![0u64; descriptor.len().div_ceil(8)];
    for (word, bytes) in buffer.iter_mut().zip(descriptor.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    // SAFETY: the handle is open. The call has no length of the descriptor: it follows the offsets in
    // it, which the check above found to stay inside the buffer with all that is behind them.
    truth(unsafe {
        security::SetKernelObjectSecurity(
            file.as_raw_handle(),
            DESCRIPTOR_PARTS,
            buffer.as_mut_ptr().cast(),
        )
    })
}

/// Removes the file or empty directory, whatever its attributes are. Where the file system can, its
/// name is free at once even if others have it open.
pub(crate) fn remove(file: &File) -> io::Result<()> {
    let info = fs::FILE_DISPOSITION_INFO_EX {
        Flags: fs::FILE_DISPOSITION_FLAG_DELETE
            | fs::FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
            | fs::FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    };
    match set_fixed(file, fs::FileDispositionInfoEx, &info) {
        Err(error) if is_missing_feature(&error) => {}
        result => return result,
    }
    let mut found = basic(file)?;
    if found.FileAttributes & fs::FILE_ATTRIBUTE_READONLY != 0 {
        found.FileAttributes &= !fs::FILE_ATTRIBUTE_READONLY;
        found.FileAttributes |= fs::FILE_ATTRIBUTE_NORMAL;
        set_basic(file, &found)?;
    }
    let info = fs::FILE_DISPOSITION_INFO { DeleteFile: true };
    set_fixed(file, fs::FileDispositionInfo, &info)
}

/// Gives a file a second name in `directory`, which must be free.
pub(crate) fn link(file: &File, directory: &File, name: &[u16]) -> io::Result<()> {
    // FILE_LINK_INFORMATION: whether to replace, a handle, the length of the name in bytes, the name.
    let bytes = name.len() * 2;
    let length = u32::try_from(bytes).map_err(|_| io::ErrorKind::InvalidFilename)?;
    let start = std::mem::offset_of!(nt::FILE_LINK_INFORMATION, FileName);
    let size = start + bytes;
    let mut buffer = vec![0u64; size.div_ceil(8).max(3)];
    let place = buffer.as_mut_ptr();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the buffer is aligned and large enough for the structure and the name behind it, and is
    // zeros before. The handles are open; the call reads the buffer and fills the block.
    check(unsafe {
        let info = place.cast::<nt::FILE_LINK_INFORMATION>();
        (*info).RootDirectory = directory.as_raw_handle();
        (*info).FileNameLength = length;
        place
            .cast::<u8>()
            .add(start)
            .cast::<u16>()
            .copy_from_nonoverlapping(name.as_ptr(), name.len());
        nt::NtSetInformationFile(
            file.as_raw_handle(),
            &mut block,
            place.cast::<c_void>(),
            (buffer.len() * 8) as u32,
            nt::FileLinkInformation,
        )
    })
}

/// Renames a file unless the target is there.
pub(crate) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    let wide = |path: &Path| -> io::Result<Vec<u16>> {
        // Long paths are possible in this form alone.
        let whole = super::beneath::verbatim(path)?;
        let mut text: Vec<u16> = whole.as_os_str().encode_wide().collect();
        if text.contains(&0) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        text.push(0);
        Ok(text)
    };
    let (from, to) = (wide(from)?, wide(to)?);
    // SAFETY: both texts end with a zero, and the call only reads them.
    truth(unsafe { fs::MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
}

/// Whether the error means that the file system, or Wine, has no such thing: FAT has neither streams
/// nor descriptors, network servers lack what they like. `INVALID_PARAMETER` is what systems before
/// Windows 10 1709 say to information classes that came later, and file systems to those that they do
/// not know; `INVALID_NAME` what FAT says to `file:stream`.
pub(crate) fn is_missing_feature(error: &io::Error) -> bool {
    const MISSING: [u32; 7] = [
        codes::ERROR_INVALID_FUNCTION,
        codes::ERROR_NOT_SUPPORTED,
        codes::ERROR_INVALID_PARAMETER,
        codes::ERROR_CALL_NOT_IMPLEMENTED,
        codes::ERROR_INVALID_NAME,
        codes::ERROR_INVALID_LEVEL,
        codes::ERROR_EAS_NOT_SUPPORTED,
    ];
    MISSING.iter().any(|&code| is(error, code))
}

/// Whether the user's rights do not allow it.
pub(crate) fn is_denial(error: &io::Error) -> bool {
    const DENIED: [u32; 5] = [
        codes::ERROR_ACCESS_DENIED,
        codes::ERROR_PRIVILEGE_NOT_HELD,
        codes::ERROR_INVALID_OWNER,
        codes::ERROR_INVALID_PRIMARY_GROUP,
        codes::ERROR_NETWORK_ACCESS_DENIED,
    ];
    DENIED.iter().any(|&code| is(error, code))
}

/// Whether the error has this code.
pub(crate) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// Fills a value of a fixed size.
fn fixed<T: Copy>(file: &File, class: i32, value: &mut T) -> io::Result<()> {
    let size = size_of::<T>() as u32;
    let place = std::ptr::from_mut(value).cast();
    // SAFETY: the handle is open, and the call writes at most the value's size into it. The types that
    // this is called with are plain numbers, for which any bytes are valid; the two booleans of
    // `FILE_STANDARD_INFO` are written by the system as 0 or 1.
    truth(unsafe { fs::GetFileInformationByHandleEx(file.as_raw_handle(), class, place, size) })
}

/// Fills a buffer.
fn by_handle(file: &File, class: i32, buffer: &mut [u64]) -> io::Result<()> {
    let size = u32::try_from(buffer.len() * 8).unwrap_or(u32::MAX);
    let place = buffer.as_mut_ptr().cast();
    // SAFETY: the handle is open, and the call writes at most the buffer's size into it.
    truth(unsafe { fs::GetFileInformationByHandleEx(file.as_raw_handle(), class, place, size) })
}

fn set_fixed<T: Copy>(file: &File, class: i32, value: &T) -> io::Result<()> {
    let size = size_of::<T>() as u32;
    let place = std::ptr::from_ref(value).cast();
    // SAFETY: the handle is open, and the call reads the value's size from it.
    truth(unsafe { fs::SetFileInformationByHandle(file.as_raw_handle(), class, place, size) })
}

/// The bytes of a buffer, at most all.
fn bytes_of(buffer: &[u64], length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.truncate(length);
    bytes
}

fn truth(result: i32) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn check(status: codes::NTSTATUS) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // Elsewhere this is a missing right, which it must not be mistaken for.
    if status == codes::STATUS_DELETE_PENDING {
        return Err(io::Error::from_raw_os_error(
            codes::ERROR_DELETE_PENDING.cast_signed(),
        ));
    }
    // SAFETY: the call computes from its argument alone.
    let code = unsafe { codes::RtlNtStatusToDosError(status) };
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

#[cfg(test)]
mod tests;
