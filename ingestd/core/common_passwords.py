"""Passwords that are tried first, and words that are no password whatever digits stand around them. Pure data."""

from typing import Final

_WORDS: Final = """
    password passwords passw0rd p@ssw0rd p@ssword passwordpassword password1234 password12345 password123456
    changeme changemenow letmein welcome welcomehome administrator admin adminadmin administratoradmin root rootroot
    superuser manager default guest test testtest testing12345 secret topsecret qwerty qwertyuiop qwertyuiopasdf
    qwertyqwerty asdfghjkl asdfghjklzxc zxcvbnm zxcvbnm,./ 1qaz2wsx3edc 1qaz2wsx3edc4rfv qazwsxedc qazwsxedcrfv
    1q2w3e4r5t6y q1w2e3r4t5y6 qweasdzxc qweasdzxc123 asdf1234asdf abcd1234abcd abc123abc123 abcdefgh1234
    123456789012 1234567890123 0123456789012 123456123456 123123123123 112233445566 111222333444 987654321012
    147258369147 159357159357 135792468013 314159265358 520131452013 5201314520 woaini woaini1314 woaini1314520
    woaini520 aini1314520 woaiwojia woaizhongguo zhongguo wodemima mima mimamima nihao nihaonihao iloveyou
    iloveyouforever
    monkey dragon football baseball sunshine princess superman batman starwars trustno1 whatever master computer
    internet samsung huawei hikvision dahua bodycam bodycamera camera cameras recorder station ingestd
    zhifa zhifajiluyi zhifaju zhifadui jiluyi caijizhan haiguan jingcha gongan shiyuan haiyang
    police policestation officer lawenforcement enforcement evidence footage dockingstation
    执法记录仪 执法记录仪采集站 采集站 管理员 密码 我的密码
    correcthorsebatterystaple
"""
COMMON: Final = frozenset(_WORDS.split())
