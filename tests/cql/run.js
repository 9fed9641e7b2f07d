// Charts in, outcomes out: flattens FHIR Bundles into the chart of chart.modelinfo.xml, compiles the CQL of this folder
// and runs it. It decides nothing clinical: a code becomes what the value sets say of it, a date becomes a day.
//
//   node run.js < {"meanings": ..., "limits": {rule: {limit: ...}}, "charts": [{"asOf", "bundle", "unread"}]}

import { readFileSync } from "node:fs";
import { SystemModelInfoProvider } from "@cqframework/cql/cql";
import {
  CqlTranslator,
  LibraryManager,
  ModelManager,
  createLibrarySourceProvider,
  createModelInfoProvider,
  createUcumService,
  stringAsSource,
} from "@cqframework/cql/cql-to-elm";
import cql from "cql-execution";

const RULES = { repeat_surgery: "RepeatSurgery", nonsurgical_care: "NonsurgicalCare" };
const SYSTEMS = {
  "http://www.ama-assn.org/go/cpt": "CPT",
  "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
  "http://snomed.info/sct": "SNOMED",
  "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
  "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
  "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
  "http://loinc.org": "LOINC",
  "urn:words": "WORDS",
};
const LANES = {
  Procedure: "procedures",
  Condition: "conditions",
  CarePlan: "care_plans",
  ServiceRequest: "service_requests",
  MedicationRequest: "medications",
  MedicationStatement: "medications",
  MedicationDispense: "medications",
  MedicationAdministration: "medications",
  Observation: "observations",
  Encounter: "encounters",
};

// What is written beside this file.
const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");

// ---- codes to meanings

function meaningsOf(concept, known) {
  return (concept?.coding ?? []).flatMap((coding) => lookUp(SYSTEMS[coding.system], coding.code ?? "", known));
}

function lookUp(system, written, known) {
  const code = system === "ICD10CM" ? written.replace(".", "") : written;
  const found = (known.exact[`${system} ${code}`] ?? []).slice();
  for (const [of, start, acute, meaning] of known.prefixes) {
    if (of === system && code.startsWith(start) && (!acute || "ABC".includes(code[6] || "-"))) found.push(meaning);
  }
  if (system === "ICD10PCS" && /^[0-9A-Z]{7}$/.test(code)) {
    for (const [pattern, meaning] of known.patterns) if (new RegExp(pattern).test(code)) found.push(meaning);
  }
  return found.map((meaning) => ({ ...meaning, regions: meaning.regions ?? siteOf(system, code, known.sites) }));
}

function siteOf(system, code, sites) {
  if (system !== "ICD10CM" || !sites.applies_to.some((start) => code.startsWith(start.replace(".", "")))) return [];
  return sites.regions[code[5] ?? code[4]] ?? [];
}

// ---- resources to events

const day = (text) => (text ? cql.Date.parse(text.slice(0, 10)) : null);
const codeOf = (concept) => concept?.coding?.[0]?.code ?? null;

function span(moment, period) {
  const start = moment ?? period?.start;
  const openEnded = Boolean(!moment && period?.start && !period.end);
  return { start: day(start), end: day(moment ?? period?.end), openEnded };
}

function eventsOf(resource, known) {
  const type = resource.resourceType;
  if (!(type in LANES)) return [];
  const common = {
    resource: type,
    status: resource.status,
    intent: resource.intent,
    doNotPerform: resource.doNotPerform ?? false,
    modified: (resource.modifierExtension ?? []).length > 0,
    meanings: meaningsOf(resource.code ?? resource.medicationCodeableConcept, known),
    reasons: (resource.reasonCode ?? []).flatMap((reason) => meaningsOf(reason, known)),
  };
  switch (type) {
    case "Procedure":
      return [{
        ...common,
        ...span(resource.performedDateTime, resource.performedPeriod),
        outcome: codeOf(resource.outcome),
      }];
    case "Condition":
      return [{
        ...common,
        ...span(resource.recordedDate),
        clinical: codeOf(resource.clinicalStatus),
        verification: codeOf(resource.verificationStatus),
        abated: day(resource.abatementDateTime),
      }];
    case "ServiceRequest":
      return [{ ...common, ...span(resource.authoredOn) }];
    case "Observation":
      return [{
        ...common,
        ...span(resource.effectiveDateTime),
        value: resource.valueQuantity?.value,
        unit: resource.valueQuantity?.unit,
        comparator: resource.valueQuantity?.comparator,
      }];
    case "Encounter":
      return [{
        ...common,
        ...span(null, resource.period),
        meanings: (resource.type ?? []).flatMap((each) => meaningsOf(each, known)),
      }];
    case "MedicationRequest":
      return [{
        ...common,
        start: day(resource.authoredOn),
        end: day(resource.dispenseRequest?.validityPeriod?.end),
        supply: resource.dispenseRequest?.expectedSupplyDuration?.value,
      }];
    case "MedicationDispense":
      return [{ ...common, start: day(resource.whenHandedOver), supply: resource.daysSupply?.value }];
    case "MedicationStatement":
    case "MedicationAdministration":
      return [{ ...common, ...span(resource.effectiveDateTime, resource.effectivePeriod) }];
    case "CarePlan":
      return (resource.activity ?? []).map(({ detail }) => ({
        ...common,
        ...span(null, detail.scheduledPeriod ?? resource.period),
        resource: "Activity",
        status: detail.status,
        planStatus: resource.status,
        doNotPerform: detail.doNotPerform ?? false,
        meanings: meaningsOf(detail.code, known),
      }));
  }
}

// ---- charts as cql-execution wants them

function patientOf(chart, number, known) {
  const lanes = [...new Set(Object.values(LANES))];
  const lost = (lane) => chart.unread[lane] === "unavailable";
  const resources = chart.bundle.entry.map((entry) => entry.resource).filter((each) => !lost(LANES[each.resourceType]));
  const records = {
    Patient: [{ id: String(number), asOf: day(chart.asOf) }],
    Lane: lanes.map((name) => ({ name, complete: !(name in chart.unread) })),
    Event: resources.flatMap((resource) => eventsOf(resource, known)),
  };
  const findRecords = (type) => {
    if (!(type in records)) throw new Error(`the chart has no ${type}`);
    return records[type];
  };
  return { getId: () => String(number), findRecords };
}

function sourceOf(patients) {
  let at = 0;
  return { currentPatient: () => patients[at], nextPatient: () => patients[++at] };
}

// ---- CQL to ELM to outcomes

// Days and months are the only units here: the compiler wants to hear that they are valid, and converts nothing.
function noUnits() {
  throw new Error("the oracle converts no units");
}

function compile(names) {
  const models = new ModelManager();
  models.modelInfoLoader.registerModelInfoProvider(new SystemModelInfoProvider());
  models.modelInfoLoader.registerModelInfoProvider(
    createModelInfoProvider((name) => (name === "Chart" ? stringAsSource(read("chart.modelinfo.xml")) : null)),
  );
  const units = createUcumService(noUnits, () => null, noUnits, noUnits);
  const libraries = new LibraryManager(models, undefined, undefined, units);
  libraries.librarySourceLoader.registerProvider(
    createLibrarySourceProvider((name) => stringAsSource(read(`${name}.cql`))),
  );
  return names.map((name) => {
    const translator = CqlTranslator.fromText(read(`${name}.cql`), libraries);
    const problems = translator.exceptions.asJsReadonlyArrayView();
    const said = problems.map((problem) => `${name}.cql, line ${lineOf(problem)}: ${problem.message}`);
    if (said.length) throw new Error(said.join("\n"));
    return JSON.parse(translator.toJson());
  });
}

// 5.3.0 exports no names for a place in the source; its first number is the line.
const lineOf = (problem) => Object.values(problem.locator ?? {}).find(Number.isInteger);

const limitOf = (limit) => (typeof limit === "number" ? limit : new cql.Quantity(limit.value, limit.unit));

async function answers({ meanings, limits, charts }) {
  const patients = charts.map((chart, number) => patientOf(chart, number, meanings));
  const [common, ...rules] = compile(["Common", ...Object.values(RULES)]);
  const found = charts.map(() => ({}));
  for (const [index, rule] of Object.keys(RULES).entries()) {
    const library = new cql.Library(rules[index], new cql.Repository([common]));
    const parameters = Object.entries({ ...limits.planned_surgery, ...limits[rule] });
    const given = Object.fromEntries(parameters.map(([name, limit]) => [name, limitOf(limit)]));
    const declared = [rules[index], common].flatMap((elm) => elm.library.parameters.def.map((each) => each.name));
    const unused = Object.keys(given).filter((name) => !declared.includes(name));
    if (unused.length) throw new Error(`${rule}: limits the CQL does not know: ${unused.join(", ")}`);
    const results = await new cql.Executor(library, null, given).exec(sourceOf(patients));
    for (const [number, result] of Object.entries(results.patientResults)) {
      found[Number(number)][rule] = {
        outcome: result.Outcome,
        doubt: result["Something cannot be placed"],
        because: result.Because,
      };
    }
  }
  return found;
}

process.stdout.write(JSON.stringify(await answers(JSON.parse(readFileSync(0, "utf8")))));
