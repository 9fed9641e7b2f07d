// What the page knows now: whose chart is open, what was asked and answered, what is broken.

// `turn` grows with every patient or call: an answer that belongs to an earlier one is dropped.
// `visit` is new for every choice of a patient, so that what was answered before is about another visit.
export const state = {
  chart: null,
  visit: "",
  accepted: [],
  answered: "",
  call: null,
  feedback: [],
  asked: "",
  busy: false,
  turn: 0,
  faults: [],
  broken: "",
};

export const brokenFault = () => state.faults.find((fault) => fault.id === state.broken);
