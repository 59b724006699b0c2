"""Tests of what the judge of NTFS volumes knows without one."""

import struct
import unittest

import ntfs_volume


class Bytes(unittest.TestCase):
    def test_links(self):
        cases = [
            ("..\\a", False, "0c0000a020000000000008000a00080001000000"
             "2e002e005c0061000000" "2e002e005c0061000000"),
            ("C:/a", False, "0c0000a0280000000000100012000800" "00000000"
             "5c003f003f005c0043003a005c0061000000" "43003a005c0061000000"),
            ("C:\\a", True, "030000a0240000000000100012000800"
             "5c003f003f005c0043003a005c0061000000" "43003a005c0061000000"),
        ]
        for text, junction, expected in cases:
            found = ntfs_volume.link_data(text.encode(), junction)
            self.assertEqual(found.hex(), expected, text)
        shown = {"\\\\s\\a": "\\??\\UNC\\s\\a", "\\\\?\\C:\\a": "\\??\\C:\\a", "\\a": "\\a"}
        for text, substitute in shown.items():
            found = ntfs_volume.link_data(text.encode(), False)
            self.assertIn(substitute.encode("utf-16-le") + b"\0\0", found, text)
        data = bytes.fromhex("1d0000a008000000020000002e2e2f61")
        self.assertEqual(ntfs_volume.lx_link_data(b"../a"), data)

    def test_times(self):
        self.assertEqual(ntfs_volume.filetime(0), 116_444_736_000_000_000)
        self.assertEqual(ntfs_volume.filetime(1_700_000_000_123_456_789), 133_444_736_001_234_567)
        self.assertEqual(ntfs_volume.filetime(-1_500_000_000), 116_444_735_985_000_000)
        self.assertEqual(ntfs_volume.filetime(-(10**20)), 0)

    def test_lists(self):
        data = bytes.fromhex("1400000000060400244c5855494400e80300000c0000000001010041003100")
        data = data[:19] + b"\0" + data[19:]
        expected = {b"$LXUID": struct.pack("<I", 1000), b"A": b"1"}
        self.assertEqual(ntfs_volume.parse_eas(data), expected)
        # The last one of Windows has no size.
        self.assertEqual(ntfs_volume.parse_eas(data[:20] + bytes(4) + data[24:]), expected)
        records = b"25 MSWINDOWS.fileattr=32\n" b"7 a=\n\n\n"
        self.assertEqual(
            ntfs_volume.parse_records(records), {b"MSWINDOWS.fileattr": b"32", b"a": b"\n\n"}
        )
        with self.assertRaises(AssertionError):
            ntfs_volume.parse_records(b"9 a=b\n")


if __name__ == "__main__":
    unittest.main()
