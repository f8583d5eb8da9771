"""Verdicts: what an answer means, why, and what to do about it, in English and Chinese."""

from enum import StrEnum
from typing import NamedTuple, Self


class Text(NamedTuple):
    """The same words in English and Chinese."""

    en: str
    zh: str


class Verdict(StrEnum):
    """What an attempt came to; `our-fault` is not charged to the subscriber."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"
    BLOCKED = "blocked"
    OUR_FAULT = "our-fault"


class Reason(StrEnum):
    """Why a verdict was given: the verdict, what happened, and what to do next."""

    verdict: Verdict
    meaning: Text
    remedy: Text

    def __new__(cls, code: str, verdict: Verdict, meaning: Text, remedy: Text) -> Self:
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.verdict, reason.meaning, reason.remedy = verdict, meaning, remedy
        return reason

    ACKNOWLEDGED = (
        "acknowledged",
        Verdict.DELIVERED,
        Text("The receiver took it.", "接收方已确认。"),
        Text("Nothing to do.", "无需处理。"),
    )
    TIMEOUT = (
        "timeout",
        Verdict.RETRY,
        Text("The receiver did not answer in time.", "接收方未在时限内应答。"),
        Text("Answer first, then work; it is tried again.", "请先应答再处理业务；系统会自动重试。"),
    )
    UNREACHABLE = (
        "unreachable",
        Verdict.RETRY,
        Text("No connection to the receiver.", "无法连接接收方。"),
        Text(
            "Check that the receiver runs and its port is open; it is tried again.",
            "请检查接收方服务与端口；系统会自动重试。",
        ),
    )
    NAME_UNKNOWN = (
        "name-unknown",
        Verdict.RETRY,
        Text("The receiver's name does not resolve.", "接收方域名无法解析。"),
        Text(
            "Check the host in the URL and its DNS; it is tried again.",
            "请检查 URL 中的主机名及其 DNS；系统会自动重试。",
        ),
    )
    TLS = (
        "tls",
        Verdict.RETRY,
        Text("The receiver's certificate was not accepted.", "接收方证书未通过校验。"),
        Text(
            "Renew the certificate or serve its whole chain; it is tried again.",
            "请更新证书或补全证书链；系统会自动重试。",
        ),
    )
    DROPPED = (
        "dropped",
        Verdict.RETRY,
        Text("The connection broke before the answer.", "应答之前连接中断。"),
        Text(
            "Look at the receiver's log, it may have crashed; it is tried again.",
            "请查看接收方日志，可能已崩溃；系统会自动重试。",
        ),
    )
    BUSY = (
        "busy",
        Verdict.RETRY,
        Text("The receiver asks for fewer pushes.", "接收方要求降低推送频率。"),
        Text(
            "Raise the receiver's limit, or wait; it is tried again.",
            "请提高接收方限额或等待；系统会自动重试。",
        ),
    )
    SERVER_ERROR = (
        "server-error",
        Verdict.RETRY,
        Text("The receiver failed.", "接收方内部错误。"),
        Text(
            "Look at the receiver's log; it is tried again.",
            "请查看接收方日志；系统会自动重试。",
        ),
    )
    REDIRECTED = (
        "redirected",
        Verdict.RETRY,
        Text(
            "The receiver points elsewhere; redirects are not followed.",
            "接收方返回重定向，系统不跟随重定向。",
        ),
        Text(
            "Subscribe with the final URL; it is tried again.",
            "请用最终地址重新订阅；系统会自动重试。",
        ),
    )
    ACCESS_DENIED = (
        "access-denied",
        Verdict.RETRY,
        Text("The receiver denies access.", "接收方拒绝访问。"),
        Text(
            "Let signed pushes through, and check the secret; it is tried again.",
            "请放行已签名的推送并核对密钥；系统会自动重试。",
        ),
    )
    UNEXPECTED_STATUS = (
        "unexpected-status",
        Verdict.RETRY,
        Text("The status is no acknowledgement.", "返回的状态码不表示确认。"),
        Text(
            "Check the URL's path, and answer 2xx; it is tried again.",
            "请核对 URL 路径并返回 2xx；系统会自动重试。",
        ),
    )
    NOT_ACKNOWLEDGED = (
        "not-acknowledged",
        Verdict.RETRY,
        Text("The body is not the acknowledgement agreed on.", "应答内容不是约定的确认内容。"),
        Text(
            "Answer as the subscriber's acknowledgement rule says; it is tried again.",
            "请按订阅方的确认规则应答；系统会自动重试。",
        ),
    )
    BUSINESS_BUSY = (
        "business-busy",
        Verdict.RETRY,
        Text("The business system is busy or limits the rate.", "业务系统繁忙或限流。"),
        Text("Wait; it is tried again.", "请等待；系统会自动重试。"),
    )
    NOT_CONFIRMED = (
        "not-confirmed",
        Verdict.RETRY,
        Text("The broker did not confirm the message.", "消息代理未确认该消息。"),
        Text(
            "Look at the broker's log and disk; it is tried again.",
            "请查看消息代理的日志与磁盘；系统会自动重试。",
        ),
    )
    NO_EXCHANGE = (
        "no-exchange",
        Verdict.RETRY,
        Text(
            "The exchange is not there, or of another kind.",
            "交换机不存在或类型不符。",
        ),
        Text(
            "Declare it durable and fanout, or let us declare it; it is tried again.",
            "请声明为持久化 fanout 交换机或授予声明权限；系统会自动重试。",
        ),
    )
    NO_QUEUE = (
        "no-queue",
        Verdict.RETRY,
        Text("The sender's queue for answers is not there.", "发送方的应答队列不存在。"),
        Text(
            "Declare the queue that reply_to named; it is tried again.",
            "请声明 reply_to 所指的队列；系统会自动重试。",
        ),
    )
    BODY_REFUSED = (
        "body-refused",
        Verdict.REJECTED,
        Text("The receiver refuses this content.", "接收方拒绝该内容。"),
        Text(
            "Read its answer and mend the receiver; it is not tried again.",
            "请阅读其应答并修正接收方；系统不再重试。",
        ),
    )
    QUEUE_GONE = (
        "queue-gone",
        Verdict.REJECTED,
        Text("The sender's temporary queue is gone for good.", "发送方的临时队列已不存在。"),
        Text(
            "Wait for answers at a durable queue; it is not tried again.",
            "请使用持久化队列接收应答；系统不再重试。",
        ),
    )
    BUSINESS_REFUSED = (
        "business-refused",
        Verdict.REJECTED,
        Text("The business system said no.", "业务系统明确拒绝。"),
        Text(
            "Look up its error code and settle the matter there; it is not tried again.",
            "请查询其错误码并在对方系统处理；系统不再重试。",
        ),
    )
    GONE = (
        "gone",
        Verdict.GONE,
        Text(
            "The receiver is gone for good; the subscriber is disabled.",
            "接收方已永久下线，订阅已停用。",
        ),
        Text(
            "If it shall be told again, remove the subscriber and add it anew.",
            "如需继续接收，请删除后重新添加订阅方。",
        ),
    )
    ADDRESS_REFUSED = (
        "address-refused",
        Verdict.BLOCKED,
        Text("The guard allows no pushes to this address.", "安全策略禁止向该地址推送。"),
        Text(
            "Use a public address, or let the operator allow the network in "
            "ORDERCAST_RELAY__ALLOW_NETWORKS; it is tried again.",
            "请改用公网地址，或由运营方在 ORDERCAST_RELAY__ALLOW_NETWORKS 中"
            "放行该网段；系统会自动重试。",
        ),
    )
    PROXY = (
        "proxy",
        Verdict.OUR_FAULT,
        Text("The way out asks for credentials.", "出口代理要求认证。"),
        Text(
            "Operator: mend the proxy; it is tried again.", "运营方：请修复代理；系统会自动重试。"
        ),
    )
    NO_KEY = (
        "no-key",
        Verdict.OUR_FAULT,
        Text("The signing secret cannot be opened.", "无法解封签名密钥。"),
        Text(
            "Operator: put the sealing key back into ORDERCAST_SEALING_KEYS; it is tried again.",
            "运营方：请在 ORDERCAST_SEALING_KEYS 中恢复封存密钥；系统会自动重试。",
        ),
    )
    TEMPLATE = (
        "template",
        Verdict.OUR_FAULT,
        Text(
            "The push could not be made: its dialect does not fit the event.",
            "无法生成推送报文：推送模板与事件不符。",
        ),
        Text(
            "Operator: mend the push dialect as the answer says and restart the relay; "
            "it is tried again.",
            "运营方：请按返回内容修正推送模板并重启中继；系统会自动重试。",
        ),
    )
    STOPPED = (
        "stopped",
        Verdict.OUR_FAULT,
        Text("The relay stopped before the answer came.", "中继在应答之前停止。"),
        Text("Nothing to do; it is tried again.", "无需处理；系统会自动重试。"),
    )
    INTERNAL = (
        "internal",
        Verdict.OUR_FAULT,
        Text("Ordercast itself failed.", "Ordercast 内部错误。"),
        Text(
            "Operator: look at the relay's log; it is tried again.",
            "运营方：请查看中继日志；系统会自动重试。",
        ),
    )
