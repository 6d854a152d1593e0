"""Names in one spelling, how they sound, and what stands in for a newborn's."""

import pytest

from hub.matching.names import StandIn, plain, stand_in
from hub.matching.person import person_of
from hub.matching.spelling import sounds


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("劉麗華", "刘丽华"),
        ("王喆", "王哲"),
        ("陈濬", "陈浚"),
        ("\ue863文", "䶮文"),
        ("阿卜杜拉·买买提", "阿卜杜拉．买买提"),
        ("欧阳 娜", "欧阳娜"),
        ("ＬＩ Ｎａ", "li na"),
    ],
)
def test_one_name_is_plain_in_one_way_however_it_is_written(written: str, otherwise: str) -> None:
    assert plain(written) == plain(otherwise)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("仇英", "qiu ying"),
        ("单田芳", "shan tianfang"),
        ("解缙", "xie jin"),
        ("曾国强", "zeng guoqiang"),
        ("吕布", "lyu bu"),
        ("吕布", "lv bu"),
        ("秦学勤", "xueqin qin"),
        ("秦学勤", "qinxueqin"),
    ],
)
def test_letters_sound_like_the_characters_that_they_stand_for(name: str, letters: str) -> None:
    assert sounds(plain(name)) & sounds(plain(letters))


def test_other_names_sound_otherwise() -> None:
    assert not sounds("秦学勤") & sounds("秦学琪")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("金静玲之女", StandIn(mother="金静玲", surname="金", sex="female")),
        ("金静玲之大女", StandIn(mother="金静玲", surname="金", sex="female", order="大")),
        ("金静玲之子2", StandIn(mother="金静玲", surname="金", sex="male", order="2")),
        ("金静玲之婴", StandIn(mother="金静玲", surname="金")),
        ("李婴", StandIn(surname="李")),
        ("彭毛毛", StandIn(surname="彭")),
        ("李某", StandIn(surname="李")),
    ],
)
def test_a_newborns_stand_in_tells_its_mother_its_sex_and_its_order(name: str, read: StandIn) -> None:
    assert stand_in(name) == read


@pytest.mark.parametrize("name", ["秦学勤", "王宝强", "毛小宝贝", "之", "li na", "阿卜杜拉买买提"])
def test_a_name_is_no_stand_in(name: str) -> None:
    assert stand_in(name) is None


@pytest.mark.parametrize("name", ["无名氏", "未知", "测试1", "???", "新生儿"])
def test_a_name_of_nobody_is_not_compared(name: str) -> None:
    assert person_of({"name": [{"text": name}]}, None, {}).names == ()
