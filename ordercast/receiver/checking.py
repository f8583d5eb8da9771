"""Why a signature fails: the first difference, the clock's skew, and what to do about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from ordercast.delivery.verdicts import Text
from ordercast.receiver import variants
from ordercast.receiver.signatures import Received, key_of, signatures

TOLERANCE_SECONDS = 300
"""What the libraries of Standard Webhooks allow."""


class Difference(StrEnum):
    """What is not as it was when the push was signed, and the cure."""

    meaning: Text
    remedy: Text

    def __new__(cls, code: str, meaning: Text, remedy: Text) -> Self:
        difference = str.__new__(cls, code)
        difference._value_ = code
        difference.meaning, difference.remedy = meaning, remedy
        return difference

    MISSING_HEADER = (
        "missing-header",
        Text("A header is missing.", "缺少请求头。"),
        Text(
            "Let proxies pass webhook-id, webhook-timestamp and webhook-signature on.",
            "请让代理透传 webhook-id、webhook-timestamp 和 webhook-signature。",
        ),
    )
    TIMESTAMP = (
        "timestamp",
        Text("The timestamp is not the one that was signed.", "时间戳与签名时不一致。"),
        Text(
            "Use the header as it came: seconds since 1970, as text.",
            "请原样使用该请求头：1970 年以来的秒数（文本）。",
        ),
    )
    SKEW = (
        "skew",
        Text(
            "The signature is right, but its time is too far from the clock.",
            "签名正确，但时间与时钟相差过大。",
        ),
        Text(
            "Set the receiver's clock by NTP; verify pushes when they come, not later.",
            "请用 NTP 校准接收方时钟；收到推送后立即验签，不要延后。",
        ),
    )
    ID = (
        "id",
        Text("The id is not the one that was signed.", "消息 ID 与签名时不一致。"),
        Text("Use webhook-id as it came.", "请原样使用 webhook-id。"),
    )
    SIGNATURE_FORM = (
        "signature-form",
        Text("The signature header is not as it was sent.", "签名请求头与发送时不一致。"),
        Text(
            "Take all of webhook-signature: v1, and base64, several parted by blanks.",
            "请取完整的 webhook-signature：v1, 加 base64，多个以空格分隔。",
        ),
    )
    BODY_EMPTY = (
        "body-empty",
        Text("The body is empty.", "请求体为空。"),
        Text(
            "Read the bytes once and keep them: a framework may have read them before you.",
            "请只读取一次并保留原始字节：框架可能已先行读取。",
        ),
    )
    TRAILING_NEWLINE = (
        "trailing-newline",
        Text("The body's last line end was added or cut off.", "请求体末尾的换行被添加或删除。"),
        Text("Verify the bytes as they came.", "请对收到的原始字节验签。"),
    )
    LINE_ENDS = (
        "line-ends",
        Text("The line ends in the body were changed.", "请求体中的换行符被改动。"),
        Text("Verify the bytes as they came.", "请对收到的原始字节验签。"),
    )
    BYTE_ORDER_MARK = (
        "byte-order-mark",
        Text("A byte order mark was put before the body.", "请求体前被加上了字节顺序标记（BOM）。"),
        Text("Verify the bytes as they came.", "请对收到的原始字节验签。"),
    )
    RE_SERIALISED = (
        "re-serialised",
        Text("The JSON was parsed and written anew.", "JSON 被解析后重新序列化。"),
        Text(
            "Verify the bytes as they came, before you parse them.",
            "请在解析之前对收到的原始字节验签。",
        ),
    )
    CHARSET = (
        "charset",
        Text("The body was converted to another charset.", "请求体被转换为其他字符集。"),
        Text("Verify the bytes, not a text made of them.", "请对字节验签，而不是对转换后的文本。"),
    )
    SECRET_FORM = (
        "secret-form",
        Text("The secret is right, but not in its form.", "密钥正确，但格式不对。"),
        Text(
            "Use it as it was shown: whsec_ and base64, nothing around it.",
            "请按显示的原样使用：whsec_ 加 base64，前后不加任何字符。",
        ),
    )
    OTHER_SUBSCRIBER = (
        "other-subscriber",
        Text(
            "The push was signed with the secret of another subscriber.",
            "该推送是用另一订阅方的密钥签名的。",
        ),
        Text(
            "Use the secret of the subscriber whose URL this is.",
            "请使用该 URL 所属订阅方的密钥。",
        ),
    )
    UNKNOWN = (
        "unknown",
        Text(
            "Neither the usual changes of the body nor of the secret explain it.",
            "请求体或密钥的常见改动都无法解释。",
        ),
        Text(
            "Compare the body's bytes with what was sent, and ask for the secret once more.",
            "请逐字节比对请求体与发送内容，并重新核对密钥。",
        ),
    )


@dataclass(frozen=True)
class Check:
    """The first difference, None if the signature holds; more about it, never the secret.

    `skew_seconds` is how far the push's time is behind the clock (positive: the push is old, or
    the clock is fast), None without a readable timestamp.
    """

    difference: Difference | None
    detail: str = ""
    skew_seconds: int | None = None


def check(
    received: Received,
    secret: str,
    *,
    at: datetime,
    others: Mapping[str, str] | None = None,
) -> Check:
    """What keeps a push from being verified with a secret at a time.

    `others` are the secrets of other subscribers, by name.
    """
    skew = _skew(received.timestamp, at)
    if received.missing:
        return Check(Difference.MISSING_HEADER, ", ".join(received.missing), skew)
    key = key_of(secret)
    if key and received.is_signed_with(key):
        return _in_time(received.timestamp, skew)
    found = next(_differences(received, secret, key, others or {}), None)
    difference, detail = found or (Difference.UNKNOWN, "")
    return Check(difference, detail, skew)


def _in_time(timestamp: str, skew: int | None) -> Check:
    if skew is None:
        return Check(Difference.TIMESTAMP, f"{timestamp!r} is no number of seconds")
    if abs(skew) <= TOLERANCE_SECONDS:
        return Check(None, "", skew)
    return Check(Difference.SKEW, in_words(skew), skew)


def in_words(skew: int) -> str:
    """A skew with its direction."""
    if skew >= 0:
        return f"the push's time is {skew} s before the clock: the push is old, or the clock fast"
    return f"the push's time is {-skew} s after the clock: the clock is slow"


def _skew(timestamp: str, at: datetime) -> int | None:
    text = timestamp.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        return None
    return round(at.timestamp()) - int(text)


def _differences(
    received: Received, secret: str, key: bytes | None, others: Mapping[str, str]
) -> Iterator[tuple[Difference, str]]:
    if key:
        yield from _by_message(received, key)
    for note, other in variants.keys(secret):
        if received.is_signed_with(other):
            yield Difference.SECRET_FORM, f"the secret {note}"
    for name, other in others.items():
        if (theirs := key_of(other)) and received.is_signed_with(theirs):
            yield Difference.OTHER_SUBSCRIBER, name
    if not received.body:
        yield Difference.BODY_EMPTY, ""
    if not signatures(received.signature):
        yield Difference.SIGNATURE_FORM, "there is no v1, with base64 in it"


def _by_message(received: Received, key: bytes) -> Iterator[tuple[Difference, str]]:
    """What was changed of the message, one thing at a time."""
    for name, other in variants.identities(received):
        if other.is_signed_with(key):
            yield Difference(name), ""
    for header in variants.spellings(received.signature):
        if received.changed(signature=header).is_signed_with(key):
            yield Difference.SIGNATURE_FORM, ""
    for name, body in variants.bodies(received.body):
        if received.changed(body=body).is_signed_with(key):
            yield Difference(name), f"{len(received.body)} bytes came, {len(body)} were signed"
