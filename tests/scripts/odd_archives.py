"""Writes archives that no honest program makes, one file each, into a folder.

Arguments: FOLDER CDA-FILE
"""
import io
import os
import struct
import sys
import zipfile

folder, document = sys.argv[1], open(sys.argv[2], "rb").read()
ROOT = "IHE_XDM/SUBSET01/"
METADATA = ROOT + "METADATA.XML"
GIGABYTE = 1 << 30


def archive(name, fill):
    with zipfile.ZipFile(os.path.join(folder, name), "w", zipfile.ZIP_DEFLATED) as out:
        fill(out)


def stream(out, name, block, size):
    """An entry too large to be made at once."""
    with out.open(name, "w", force_zip64=True) as entry:
        for _ in range(size // len(block)):
            entry.write(block)


def link(out, name, target):
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    out.writestr(entry, target)


def many(out):
    for number in range(10_000):
        out.writestr(f"{ROOT}{number}.XML", document[:64])


def foreign(out):
    out.writestr(METADATA, b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')


def laughs(out):
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    out.writestr(METADATA, f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">{levels}]><a>&l11;</a>')


archive("no-metadata.zip", lambda out: out.writestr(ROOT + "DOC0001.XML", document))
archive("bomb.zip", lambda out: stream(out, METADATA, b"\0" * (1 << 20), GIGABYTE // 4))
archive("spaces.zip", lambda out: stream(out, METADATA, b" " * (1 << 20), GIGABYTE))
archive("spaces-in-document.zip", lambda out: stream(out, ROOT + "DOC0001.XML", b" " * (1 << 20), GIGABYTE // 4))
archive("outside.zip", lambda out: out.writestr("../../../../etc/cron.d/pli", document))
archive("absolute.zip", lambda out: out.writestr("/etc/cron.d/pli", document))
archive("link.zip", lambda out: link(out, METADATA, "/etc/passwd"))
archive("ten-thousand.zip", many)
archive("external-entity.zip", foreign)
archive("billion-laughs.zip", laughs)

whole = io.BytesIO()
with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr(METADATA, document)
whole = bytearray(whole.getvalue())
open(os.path.join(folder, "truncated.zip"), "wb").write(whole[: len(whole) // 2])
open(os.path.join(folder, "empty.zip"), "wb").write(b"")
open(os.path.join(folder, "no-archive.zip"), "wb").write(document)
# The flag of encryption, in the local header and in the central directory.
central = whole.rindex(b"PK\x01\x02")
struct.pack_into("<H", whole, 6, 1)
struct.pack_into("<H", whole, central + 8, 1)
open(os.path.join(folder, "encrypted.zip"), "wb").write(whole)
