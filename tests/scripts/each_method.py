"""Python's smtplib and imaplib, by each method: PLAIN, LOGIN, XOAUTH2, OAUTHBEARER, EXTERNAL.

Arguments: CA ADDRESS PASSWORD-FILE TOKEN-FILE SUBMISSION SUBMISSIONS IMAP IMAPS
           APPLICATION CERTIFICATE KEY ITS-SUBMISSION ITS-IMAPS
"""
import imaplib
import smtplib
import ssl
import sys

(ca, address, password_file, token_file, submission, submissions, imap, imaps,
 application, certificate, key, its_submission, its_imaps) = sys.argv[1:]
password, token = open(password_file).read(), open(token_file).read()
context = ssl.create_default_context(cafile=ca)

responses = {
    "PLAIN": f"\0{address}\0{password}",
    "XOAUTH2": f"user={address}\1auth=Bearer {token}\1\1",
    "OAUTHBEARER": f"n,a={address},\1auth=Bearer {token}\1\1",
}


def smtp_sign_in(smtp, method):
    smtp.ehlo()
    assert method in smtp.esmtp_features["auth"].split(), smtp.esmtp_features["auth"]
    if method == "LOGIN":
        smtp.user, smtp.password = address, password
        code, text = smtp.auth(method, smtp.auth_login)
    else:
        code, text = smtp.auth(method, lambda challenge=None: responses[method])
    assert code == 235, (method, code, text)
    assert smtp.mail(address)[0] == 250


for method in ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]:
    with smtplib.SMTP("localhost", int(submission)) as smtp:
        smtp.starttls(context=context)
        smtp_sign_in(smtp, method)
    with smtplib.SMTP_SSL("localhost", int(submissions), context=context) as smtp:
        smtp_sign_in(smtp, method)

for method, response in responses.items():
    for connection in [imaplib.IMAP4("localhost", int(imap)),
                       imaplib.IMAP4_SSL("localhost", int(imaps), ssl_context=context)]:
        if not isinstance(connection, imaplib.IMAP4_SSL):
            connection.starttls(context)
        assert connection.authenticate(method, lambda challenge: response.encode())[0] == "OK", method
        assert connection.select("INBOX")[0] == "OK", method
        connection.logout()

own = ssl.create_default_context(cafile=ca)
own.load_cert_chain(certificate, key)
with smtplib.SMTP("localhost", int(its_submission)) as smtp:
    smtp.starttls(context=own)
    smtp.ehlo()
    code, text = smtp.auth("EXTERNAL", lambda challenge=None: "")
    assert code == 235, (code, text)
    assert smtp.mail(application)[0] == 250
connection = imaplib.IMAP4_SSL("localhost", int(its_imaps), ssl_context=own)
assert connection.authenticate("EXTERNAL", lambda challenge: b"")[0] == "OK"
assert connection.select("INBOX")[0] == "OK"
connection.logout()
