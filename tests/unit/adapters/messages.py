"""Messages that the adapters' tests share. All people are synthetic (unissued county digits 99)."""

ADMISSION = "\r".join(
    (
        "MSH|^~\\&|HIS|ZYY|EAI||20260105093000||ADT^A01|90000001|P|2.4|||AL|AL|CHN",
        "EVN|A01|20260105093000",
        "PID|1||0000000123^^^^IDCard~37109919560312001X^^^^IdentifyNO||测试甲||19560312000000|M|||山东省威海市",
        "PV1|1|I|9700^^^4700^神经内科|1|||||||||||||D0001|01|100200300",
        "DG1|1||I63.900^脑梗死|脑梗死||11",
        "ZCS|1|本地段",
        "",
    )
)


def message(*segments: str, header: str = "MSH|^~\\&|HIS|ZYY|EAI|HUB|20260105093000||ADT^A01|1|P|2.5.1") -> str:
    """A message of these segments under a header."""
    return "\r".join((header, *segments, ""))
