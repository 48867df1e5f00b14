"""Zip containers and the XML in them, opened with limits: a bomb is refused before it is unpacked."""

from __future__ import annotations

import io
import posixpath
import zipfile
from datetime import date
from typing import TYPE_CHECKING

from rag.errors import LoadError

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_MEMBERS = 10_000
MAX_UNPACKED = 256 * 2**20  # bytes, all members together
MAX_RATIO = 200  # unpacked to packed, asked of what unpacks to more than MIN_SUSPECT
MIN_SUSPECT = 10 * 2**20


class Archive:
    """The members of a zip file by name; ``read`` never gives more than the directory promised."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self._members = {m.filename: m for m in self._zip.infolist()}
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
            raise LoadError(f"The zip container is damaged: {error}.") from error
        unpacked = sum(m.file_size for m in self._zip.infolist())
        if len(self._zip.infolist()) > MAX_MEMBERS:
            raise LoadError(f"{len(self._zip.infolist()):,} members in the zip container; at most {MAX_MEMBERS:,}.")
        if unpacked > MAX_UNPACKED:
            raise LoadError(f"The zip container unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED:,} are read.")
        if unpacked > MIN_SUSPECT and unpacked > MAX_RATIO * len(data):
            raise LoadError(f"The zip container of {len(data):,} bytes unpacks to {unpacked:,}: a zip bomb.")
        if any(m.flag_bits & 1 for m in self._zip.infolist()):
            raise LoadError("The file is encrypted; save a copy without a password.")

    @property
    def names(self) -> list[str]:
        return list(self._members)

    @property
    def packed(self) -> date | None:
        """The day on which the newest member was packed; None where that is no day."""
        try:
            return max((date(*m.date_time[:3]) for m in self._members.values()), default=None)
        except ValueError:
            return None

    def read(self, name: str) -> bytes:
        """The bytes of a member; raises LoadError where it is missing or damaged."""
        try:
            return self._zip.read(self._members[name])
        except KeyError:
            raise LoadError(f"{name!r} is missing in the zip container.") from None
        except Exception as error:  # zlib, bz2, lzma and zipfile each have their own
            raise LoadError(f"{name!r} in the zip container is damaged: {error}.") from error

    def xml(self, name: str) -> _Element:
        return parse_xml(self.read(name), name)

    def optional_xml(self, name: str) -> _Element | None:
        """The root of a member that need not be there; None also where it is no XML."""
        try:
            return self.xml(name) if name in self._members else None
        except LoadError:
            return None


def parse_xml(data: bytes, name: str) -> _Element:
    """The root element; raises LoadError for malformed XML and for any that declares entities."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise LoadError(f"{name!r} is not well-formed XML: {error}.") from error
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and next(iter(dtd.iterentities()), None) is not None:
        raise LoadError(f"{name!r} declares XML entities, which no document of its kind needs.")
    return root


def local(element: _Element) -> str:
    """The name of an element without its namespace; "" for comments and the like.

    >>> from lxml import etree
    >>> local(etree.fromstring('<a:b xmlns:a="urn:x"/>'))
    'b'
    """
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def text_at(root: _Element | None, name: str) -> str | None:
    """The text of the first element of that local name below ``root``; None where there is none."""
    if root is None:
        return None
    found = next((e for e in root.iter() if local(e) == name and (e.text or "").strip()), None)
    return None if found is None else " ".join((found.text or "").split())


def targets(archive: Archive, name: str) -> dict[str, tuple[str, str]]:
    """What a member of an Office file points to: the last word of the kind and the member, by the id it uses for it."""
    folder, _, file = name.rpartition("/")
    root = archive.optional_xml(f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels")
    found: dict[str, tuple[str, str]] = {}
    for element in root if root is not None else ():
        target = element.get("Target", "")
        if local(element) == "Relationship" and element.get("TargetMode") != "External":
            member = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], member)
    return found


def id_of(element: _Element) -> str:
    """The id by which an element points to another member: its attribute "r:id"."""
    return next((str(value) for key, value in element.items() if key.endswith("}id")), "")
