"""What indexing CMS Open Payments costs, against merely reading the same file with csv.reader; and one look-up."""

import csv
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

from open_payments.index import build_index
from open_payments.lookup import ties_of
from open_payments.rows import is_npi

_PRODUCT = (
    "Covered_or_Noncovered_Indicator",
    "Indicate_Drug_or_Biological_or_Device_or_Medical_Supply",
    "Product_Category_or_Therapeutic_Area",
    "Name_of_Drug_or_Biological_or_Device_or_Medical_Supply",
    "Associated_Drug_or_Biological_NDC",
    "Associated_Device_or_Medical_Supply_PDI",
)
COLUMNS = (  # of program year 2021 and later, in CMS's order
    *("Change_Type", "Covered_Recipient_Type"),
    *("Teaching_Hospital_CCN", "Teaching_Hospital_ID", "Teaching_Hospital_Name"),
    *("Covered_Recipient_Profile_ID", "Covered_Recipient_NPI", "Covered_Recipient_First_Name"),
    *("Covered_Recipient_Middle_Name", "Covered_Recipient_Last_Name", "Covered_Recipient_Name_Suffix"),
    *("Recipient_Primary_Business_Street_Address_Line1", "Recipient_Primary_Business_Street_Address_Line2"),
    *("Recipient_City", "Recipient_State", "Recipient_Zip_Code"),
    *("Recipient_Country", "Recipient_Province", "Recipient_Postal_Code"),
    *(f"Covered_Recipient_Primary_Type_{number}" for number in range(1, 7)),
    *(f"Covered_Recipient_Specialty_{number}" for number in range(1, 7)),
    *(f"Covered_Recipient_License_State_code{number}" for number in range(1, 6)),
    "Submitting_Applicable_Manufacturer_or_Applicable_GPO_Name",
    *(
        f"Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_{part}"
        for part in ("ID", "Name", "State", "Country")
    ),
    *("Total_Amount_of_Payment_USDollars", "Date_of_Payment", "Number_of_Payments_Included_in_Total_Amount"),
    *("Form_of_Payment_or_Transfer_of_Value", "Nature_of_Payment_or_Transfer_of_Value"),
    *("City_of_Travel", "State_of_Travel", "Country_of_Travel"),
    *("Physician_Ownership_Indicator", "Third_Party_Payment_Recipient_Indicator"),
    *("Name_of_Third_Party_Entity_Receiving_Payment_or_Transfer_of_Value", "Charity_Indicator"),
    *("Third_Party_Equals_Covered_Recipient_Indicator", "Contextual_Information"),
    *("Delay_in_Publication_Indicator", "Record_ID", "Dispute_Status_for_Publication", "Related_Product_Indicator"),
    *(f"{column}_{number}" for number in range(1, 6) for column in _PRODUCT),
    *("Program_Year", "Payment_Publication_Date"),
)
_NATURES = (
    *["Food and Beverage"] * 85,
    *["Travel and Lodging"] * 6,
    *["Consulting Fee"] * 4,
    *["Education"] * 3,
    "Royalty or License",
    "Compensation for services other than consulting, including serving as faculty or as a speaker at a venue other "
    "than a continuing education program",
)


def npis() -> Iterator[str]:
    """Numbers that pass the check, spread over the range CMS gives out; none is anyone's we know of."""
    for stem in range(100_000_000, 200_000_000, 83):
        yield next(npi for digit in range(10) if is_npi(npi := f"{stem}{digit}"))


def write_csv(path: Path, rows: int) -> None:
    """As CMS writes it: names bare, values quoted, empty ones and amounts bare; about 630 bytes a row."""
    chance = random.Random(1)  # noqa: S311 - the same file every time
    people = [npi for npi, _ in zip(npis(), range(max(10, rows // 15)), strict=False)]
    line = ",".join(_template())
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\r\n")
        for number in range(rows):
            values = {
                "number": number,
                "npi": people[int(len(people) * chance.random() ** 2)],
                "payer": 100000000000 + int(1200 * chance.random() ** 3),
                "amount": f"{chance.expovariate(1 / 60):.2f}",
                "nature": chance.choice(_NATURES),
                "disputed": "Yes" if number % 2000 == 0 else "No",
                "day": f"{1 + number % 28:02}",
            }
            file.write(line % values + "\r\n")


def _template() -> Iterator[str]:
    filled = {
        "Change_Type": "UNCHANGED",
        "Covered_Recipient_Type": "Covered Recipient Physician",
        "Covered_Recipient_Profile_ID": "%(number)d",
        "Covered_Recipient_NPI": "%(npi)s",
        "Covered_Recipient_First_Name": "SYNTHETIC",
        "Covered_Recipient_Last_Name": "CLINICIAN",
        "Recipient_Primary_Business_Street_Address_Line1": "%(number)d EXAMPLE STREET, SUITE 7",
        "Recipient_City": "SPRINGFIELD",
        "Recipient_State": "IL",
        "Recipient_Zip_Code": "62701-0001",
        "Recipient_Country": "United States",
        "Covered_Recipient_Primary_Type_1": "Medical Doctor",
        "Covered_Recipient_Specialty_1": "Allopathic & Osteopathic Physicians|Orthopaedic Surgery",
        "Covered_Recipient_License_State_code1": "IL",
        "Submitting_Applicable_Manufacturer_or_Applicable_GPO_Name": "Example Spine Devices, Inc.",
        "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_ID": "%(payer)d",
        "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_Name": "Example Spine Devices, Inc.",
        "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_State": "MA",
        "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_Country": "United States",
        "Total_Amount_of_Payment_USDollars": "%(amount)s",
        "Date_of_Payment": "03/%(day)s/2023",
        "Number_of_Payments_Included_in_Total_Amount": "1",
        "Form_of_Payment_or_Transfer_of_Value": "In-kind items and services",
        "Nature_of_Payment_or_Transfer_of_Value": "%(nature)s",
        "Physician_Ownership_Indicator": "No",
        "Third_Party_Payment_Recipient_Indicator": "No Third Party Payment",
        "Charity_Indicator": "No",
        "Delay_in_Publication_Indicator": "No",
        "Record_ID": "10%(number)08d",
        "Dispute_Status_for_Publication": "%(disputed)s",
        "Related_Product_Indicator": "Yes",
        "Covered_or_Noncovered_Indicator_1": "Covered",
        "Indicate_Drug_or_Biological_or_Device_or_Medical_Supply_1": "Device",
        "Product_Category_or_Therapeutic_Area_1": "Spine",
        "Name_of_Drug_or_Biological_or_Device_or_Medical_Supply_1": "EXAMPLE PEDICLE SCREW SYSTEM",
        "Associated_Device_or_Medical_Supply_PDI_1": "00000000000000",
        "Program_Year": "2023",
        "Payment_Publication_Date": "01/30/2025",
    }
    for column in COLUMNS:
        value = filled.get(column, "")
        yield f'"{value}"' if value and column != "Total_Amount_of_Payment_USDollars" else value


def report(rows: int = 200_000) -> str:
    """Medians of interleaved rounds; the peak is of a process that does nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        source, index = Path(folder, "OP_DTL_GNRL_PGYR2023_P01302025.csv"), Path(folder, "open_payments.sqlite")
        write_csv(source, rows)
        megabytes = source.stat().st_size / 1e6
        pairs = [(_seconds(lambda: _read(source)), _seconds(lambda: _index(source, index))) for _ in range(3)]
        reading, indexing = (median(column) for column in zip(*pairs, strict=True))
        known = [npi for npi, _ in zip(npis(), range(max(10, rows // 15)), strict=False)]
        microseconds = sorted(_seconds(partial(ties_of, index, npi)) * 1e6 for npi in known[:2000])
        return (
            f"Open Payments, {rows:,} rows, {megabytes:.0f} MB\n"
            f"  csv.reader alone   {megabytes / reading:6.0f} MB/s\n"
            f"  build_index        {megabytes / indexing:6.0f} MB/s, {median(i / r for r, i in pairs):.2f}x the time\n"
            f"  index              {index.stat().st_size / 1e6:6.1f} MB\n"
            f"  peak memory        {_peak_megabytes(source, index):6.0f} MB, of a Python that only imports it "
            f"{_peak_megabytes():.0f} MB\n"
            f"  ties_of            {median(microseconds):6.0f} µs, 99 of 100 below "
            f"{microseconds[len(microseconds) * 99 // 100]:.0f} µs"
        )


def _seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def _read(source: Path) -> None:
    with source.open(encoding="utf-8", newline="") as file:
        for _ in csv.reader(file):
            pass


def _index(source: Path, index: Path) -> None:
    index.unlink(missing_ok=True)
    build_index([source], index)


def _peak_megabytes(*source_and_index: Path) -> float:
    # Linux alone: getrusage would name the peak of this process, which the new one was born with.
    program = (
        "import sys; from open_payments.index import build_index\n"
        "if sys.argv[1:]: build_index(sys.argv[1:2], sys.argv[2] + '.again')\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    command = [sys.executable, "-c", program, *map(str, source_and_index)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return int(done.stdout) / 1000


if __name__ == "__main__":
    print(report(*map(int, sys.argv[1:])))
