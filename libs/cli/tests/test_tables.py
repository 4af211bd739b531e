"""Files as other systems export them, in whatever encoding and form."""

from pathlib import Path

import pytest

from kontor_cli.demo.encoding import detect
from kontor_cli.demo.salesforce import amount, read_export
from kontor_cli.demo.sample import COMPANIES, DEALS, write_sample
from kontor_cli.demo.tables import read_table
from kontor_cli.failure import Failure

TEXT = '"ID","NAME"\r\n"1","Crédito Inmobiliario, Pébéo"\r\n"2","Paseo de la Castellana, Nº 77"\r\n' * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    """Accents arrive whole, and the first column has its name whatever mark stands before it."""
    file = tmp_path / "accounts.csv"
    file.write_bytes(TEXT.encode(encoding))
    table = read_table(file, ["ID", "NAME"])
    assert table.rows[0] == {"ID": "1", "NAME": "Crédito Inmobiliario, Pébéo"}


def test_a_guess_is_called_one() -> None:
    """A single-byte encoding is told as a guess, with others that read the file as well."""
    found = detect(TEXT.encode("cp1252"))
    assert found.name == "cp1252"
    assert "guessed" in str(found)


def test_semicolons_part_columns_too(tmp_path: Path) -> None:
    """The delimiter is found in the file."""
    file = tmp_path / "accounts.csv"
    file.write_text("Id;Name\n1;Firma, Söhne\n2;Café\n")
    assert [row["NAME"] for row in read_table(file, ["ID", "NAME"]).rows] == ["Firma, Söhne", "Café"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """The message says which column is missing and which there are."""
    file = tmp_path / "accounts.csv"
    file.write_text("ID,TITLE\n1,x\n")
    with pytest.raises(Failure, match="NAME") as failed:
        read_table(file, ["ID", "NAME"])
    assert "TITLE" in failed.value.remedy


def test_the_sample_is_the_same_every_time(tmp_path: Path) -> None:
    """Two samples are equal byte for byte, and every deal finds its company."""
    first, second = write_sample(tmp_path / "a"), write_sample(tmp_path / "b")
    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second]
    export = read_export(*first)
    assert (len(export.accounts), len(export.opportunities)) == (COMPANIES, DEALS)
    assert all("company_external_id" in each.arguments for each in export.opportunities)


def test_a_limit_keeps_companies_and_deals_together(tmp_path: Path) -> None:
    """What is left of the deals still finds its companies."""
    export = read_export(*write_sample(tmp_path)).limited(3)
    assert {each.account_id for each in export.opportunities} <= {each.id for each in export.accounts}
    assert len(export.accounts) == 3


@pytest.mark.parametrize(
    ("text", "read"), [("500000.0", "500000.00"), ("0", "0.00"), ("", ""), ("NaN", ""), ("-1", ""), ("1e3", "1000.00")]
)
def test_amounts_become_decimals(text: str, read: str) -> None:
    """What is no amount is left out, so that it never costs the deal."""
    assert amount(text) == read


def test_a_deal_entered_after_its_close_was_open_before_it(tmp_path: Path) -> None:
    """The opening is never later than the close, as the CRM demands."""
    accounts, opportunities = tmp_path / "a.csv", tmp_path / "o.csv"
    accounts.write_text("ID,NAME\n001,Acme\n")
    opportunities.write_text(
        "ID,NAME,STAGENAME,CLOSEDATE,ISCLOSED,ISWON,CREATEDDATE\n"
        "006,Widgets,Closed Won,2005-11-09,true,true,2006-06-15T20:47:07.000Z\n"
    )
    closing = read_export(accounts, opportunities).opportunities[0].closing
    assert closing["opened_at"] == closing["closed_at"] == "2005-11-09T00:00:00+00:00"
