"""Signs in, reads, answers, files and removes, as a mail program would."""
import imaplib
import ssl
import sys
import time

port, how, authorities = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=authorities)
# The certificates were made for the moment at which the test's clock stands.
context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME

if how == "tls":
    client = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
else:
    client = imaplib.IMAP4("localhost", port)
    assert "LOGINDISABLED" in client.capabilities
    client.starttls(ssl_context=context)


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


try:
    client.login("officine@pharmacie.test", "wrong")
    raise SystemExit("a wrong password was taken")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error
ok(client.authenticate("PLAIN", lambda _: b"\0officine@pharmacie.test\0secret"))

assert any(b"\\Sent" in line for line in ok(client.list()))
assert ok(client.select("INBOX")) == [b"1"]
assert ok(client.search(None, "UNSEEN")) == [b"1"]
body = ok(client.fetch("1", "(FLAGS BODY[])"))
assert body[0][1] == "Subject: un\r\n\r\nBonjour \u00e9\r\n".encode(), body
assert ok(client.search(None, "UNSEEN")) == [b""]

answer = b"Subject: Re: un\r\n\r\nMerci\r\n"
ok(client.append("Sent", "(\\Seen)", imaplib.Time2Internaldate(time.time()), answer))
assert ok(client.status("Sent", "(MESSAGES UNSEEN)")) == [b"Sent (MESSAGES 1 UNSEEN 0)"]

ok(client.create("Archives"))
ok(client.copy("1", "Archives"))
ok(client.store("1", "+FLAGS", "(\\Deleted)"))
assert ok(client.expunge()) == [b"1"]
ok(client.select("Archives", readonly=True))
header = ok(client.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
assert header[0][1] == b"Subject: un\r\n\r\n", header
ok(client.close())
client.logout()
