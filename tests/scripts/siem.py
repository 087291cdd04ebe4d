#!/usr/bin/env python3
"""Reads what `pli audit export` hands out as its receivers do, with Python's own csv, xml.etree and ssl.

  siem.py csv FILE             rows, as JSON
  siem.py atna FILE            audit messages, a line each, as JSON
  siem.py syslog FILE          messages of RFC 5424, a line each, as JSON
  siem.py receive CERT KEY [ADDRESS]
                               takes one connection (RFC 5425): prints its port, then the messages, as JSON
  siem.py hang-up CERT KEY     the same, and ends it without a word in the middle of the first message
"""

import csv
import json
import re
import socket
import ssl
import struct
import sys
import xml.etree.ElementTree as ElementTree

MESSAGE = re.compile(
    r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\"]|\"(?:\\.|[^\"\\])*\")*\])+)(?: (.*))?", re.DOTALL
)
VALUE = re.compile(r' ([^ =\]"]+)="((?:\\.|[^"\\\]])*)"')


def message(text):
    priority, at, host, app, process, kind, data, said = MESSAGE.fullmatch(text).groups()
    assert app == "pli" and process == "-", text
    values = {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in VALUE.findall(data)}
    told = {"priority": int(priority), "at": at, "host": host, "id": kind, "data": values, "said": said}
    if kind == "IHE+RFC-3881":
        told["audit"] = audit(said.removeprefix("\ufeff"))
    return told


def audit(text):
    root = ElementTree.fromstring(text)
    assert root.tag == "AuditMessage", text
    event = root.find("EventIdentification")
    return {
        "id": event.find("EventID").get("csd-code"),
        "action": event.get("EventActionCode"),
        "outcome": event.get("EventOutcomeIndicator"),
        "kinds": [kind.get("csd-code") for kind in event.findall("EventTypeCode")],
        "participants": [one.get("UserID") for one in root.findall("ActiveParticipant")],
        "source": root.find("AuditSourceIdentification").get("AuditSourceID"),
        "objects": [one.get("ParticipantObjectID") for one in root.findall("ParticipantObjectIdentification")],
    }


def frames(stream):
    """SYSLOG-FRAMEs to the end of the connection, which must lie between two of them."""
    while (digit := stream.read(1)) != b"":
        length = b""
        while digit != b" ":
            assert digit.isdigit() and len(length) < 6, length + digit
            length, digit = length + digit, stream.read(1)
        text = stream.read(int(length))
        assert len(text) == int(length), "cut off"
        yield text.decode()


def receive(certificate, key, address="127.0.0.1", hang_up=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((address, 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                if hang_up:
                    tls.recv(10)
                    # What is not read yet is thrown away, and the sender is told so.
                    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                received = list(frames(tls.makefile("rb")))
                # close_notify, as RFC 5425 section 4.4 asks for.
                tls.unwrap()
            print(json.dumps([message(text) for text in received]))
        except ssl.SSLError as refused:
            print(json.dumps({"refused": refused.reason}))


def lines(path):
    return open(path, encoding="utf-8", newline="\n").read().splitlines()


def main(what, *given):
    if what == "csv":
        print(json.dumps(list(csv.DictReader(open(given[0], encoding="utf-8", newline=""), delimiter=";", strict=True))))
    elif what == "atna":
        print(json.dumps([audit(line) for line in lines(given[0])]))
    elif what == "syslog":
        print(json.dumps([message(line) for line in lines(given[0])]))
    else:
        receive(*given, hang_up=what == "hang-up")


main(*sys.argv[1:])
