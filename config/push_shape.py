"""The shape of a push dialect: what a subscriber is sent who wants no CloudEvent."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from config.catalog_shape import Text
from config.documents import Shape


class BodyFormat(StrEnum):
    """What a body is written in."""

    JSON = "json"
    FORM = "form"
    XML = "xml"


class Charset(StrEnum):
    """What a body is encoded in."""

    UTF_8 = "utf-8"
    GBK = "gbk"
    GB18030 = "gb18030"


class Method(StrEnum):
    """How a push is signed."""

    STANDARD = "standard-webhooks"
    SORTED_MD5 = "sorted-md5"
    HMAC_SHA256 = "hmac-sha256"


MEDIA_TYPES = {
    BodyFormat.JSON: "application/json",
    BodyFormat.FORM: "application/x-www-form-urlencoded",
    BodyFormat.XML: "application/xml",
}
APPENDED = {Method.STANDARD: "", Method.SORTED_MD5: "&key={key}", Method.HMAC_SHA256: ""}


class SignatureShape(Shape):
    """How pushes are signed, and where the signature stands."""

    method: Method = Field(
        default=Method.STANDARD, description="standard-webhooks, sorted-md5 or hmac-sha256"
    )
    over: Literal["body", "parameters"] | None = Field(
        default=None, description="what hmac-sha256 is made of: body, or parameters as sorted"
    )
    append: Text | None = Field(
        default=None, description="what follows the sorted parameters, like '&key={key}'"
    )
    encoding: Literal["hex", "base64"] = Field(default="hex", description="hex or base64")
    case: Literal["upper", "lower"] | None = Field(default=None, description="upper or lower")
    field: Text | None = Field(default=None, description="the parameter that it becomes: sign")
    header: Text | None = Field(default=None, description="the header that it stands in")
    prefix: Text | None = Field(default=None, description="what stands before it: sha256=")

    @property
    def is_over_body(self) -> bool:
        return self.method is Method.HMAC_SHA256 and self.over != "parameters"

    @property
    def appended(self) -> str:
        return APPENDED[self.method] if self.append is None else self.append

    @property
    def is_upper(self) -> bool:
        """By custom MD5 in capitals, HMAC not; base64 has no case."""
        return self.encoding == "hex" and (
            self.case == "upper" or (self.case is None and self.method is Method.SORTED_MD5)
        )


class PushShape(Shape):
    """The whole file."""

    description: str = Field(default="", description="whose form this is, in a few words")
    format: BodyFormat = Field(description="json, form or xml")
    charset: Charset = Field(default=Charset.UTF_8, description="utf-8, gbk or gb18030")
    media_type: Text | None = Field(default=None, description="a media type, like text/xml")
    parameters: dict[Text, str] = Field(
        default={}, description="each parameter's name and the template of its value"
    )
    template: Text | None = Field(default=None, description="the template of the body")
    signature: SignatureShape = Field(
        default=SignatureShape(), description="method, and where the signature stands"
    )
    headers: dict[Text, str] = Field(
        default={}, description="each header's name and the template of its value"
    )

    @property
    def content_type(self) -> str:
        return f"{self.media_type or MEDIA_TYPES[self.format]}; charset={self.charset}"
