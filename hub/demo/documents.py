"""What the demo asks, as a front end would."""

RESIDENTS = """
query Overview($after: String) {
  residents(first: 100, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node {
      id name sex birthDate phone address maritalStatus ethnicity deceasedOn
      patients { source organisation grade reason { code zh en } }
      conflicts { element value organisation }
      record {
        conditions(first: 100) { edges { node {
          display origins { organisation } conflicts { element value organisation }
        } } }
        observations(first: 100) { edges { node {
          display value unit effective origins { organisation } conflicts { element value organisation }
        } } }
        allergies(first: 50) { edges { node {
          display severity origins { organisation } conflicts { element value organisation }
        } } }
      }
    } }
  }
}
"""

SAMPLE = """
query Record($id: ID!) {
  resident(id: $id) {
    name sex birthDate age
    identifiers { label { zh en } value }
    patients { organisation grade reason { zh en } }
    record {
      conditions(first: 5) { edges { node { display code origins { organisation path row } } } }
      observations(first: 3) { totalCount edges { node {
        display value unit effective interpretation
        origins { organisation path row sentAt values { element path row codes } }
        conflicts { element value organisation }
      } } }
    }
  }
}
"""

# -- today -----------------------------------------------------------------------------------------------------------

FOLLOW = """
subscription Discharges($after: String) {
  followUpChanged(after: $after) { cursor plan {
    id state hospital dischargedAt basis reason { zh en } request { way notes days }
    resident { id name phone }
    followUps { id dueFrom dueUntil way reason { zh en } rule }
  } }
}
"""

ACCEPT_PLAN = """
mutation Accept($input: AcceptFollowUpPlanInput!) {
  acceptFollowUpPlan(input: $input) {
    ... on FollowUpPlanPayload { plan { state acceptedBy } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

RESCHEDULE = """
mutation Earlier($input: RescheduleFollowUpInput!) {
  rescheduleFollowUp(input: $input) {
    ... on FollowUpPayload { followUp { dueFrom dueUntil availableActions } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

RECORD_CONTACT = """
mutation Contact($input: RecordContactInput!) {
  recordContact(input: $input) {
    ... on FollowUpPayload { followUp { contacts { way reached note } } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

COMPLETE = """
mutation Complete($input: CompleteFollowUpInput!) {
  completeFollowUp(input: $input) {
    ... on FollowUpPayload { followUp { state outcome doneBy messageId plan { state } } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

MEASURED = """
query Measured($id: ID!) {
  resident(id: $id) { record { observations(first: 1) { edges { node {
    display value unit effective origins { source organisation messageId }
  } } } } }
}
"""

OFFERS = """
query Offers { followUpOffers(first: 50) { edges { node { name phone hospital dischargedOn reason { zh en } } } } }
"""

POOLS = """
query Pools($department: String!, $after: String) {
  slotPools(department: $department, kind: EXPERT, first: 50, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { node {
      id number practitioner title startsAt bookable reserved share clause openingClause releaseClause
      balance { total public team held booked } whyNot { code clause changesAt message { zh en } }
      organisation { id name }
    } }
  }
}
"""

HOLD = """
mutation Hold($input: HoldSlotInput!) {
  holdSlot(input: $input) {
    ... on BookingPayload { booking { id state expiresAt startsAt } }
    ... on Refusal { code message { zh en } nextStep { zh en } clause changesAt }
  }
}
"""

SEND = """
mutation Refer($input: SendReferralInput!) {
  sendReferral(input: $input) {
    ... on ReferralPayload { referral {
      id number state booking { startsAt practitioner department } availableActions
      priority { label { zh en } clause }
      summary { conditions { lines { display } leftOut } results { leftOut } }
    } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

WORKLIST = """
query Worklist { referrals(box: RECEIVED, states: [BOOKED, SENT], first: 50) { edges { node {
  id number state reason urgency from { organisation team } availableActions
} } } }
"""

ACCEPT_REFERRAL = """
mutation Take($input: ReferralInput!) {
  acceptReferral(input: $input) {
    ... on ReferralPayload { referral { state availableActions } }
    ... on Refusal { code message { zh en } nextStep { zh en } }
  }
}
"""

REFERRAL = """
query Referral($id: ID!) {
  referral(id: $id) { number state outcome history { act after by role messageId } }
}
"""

CAME_DOWN = """
query CameDown { referrals(box: RECEIVED, first: 50) { edges { node {
  id number direction state previousId from { organisation } to { organisation team } planId
} } } }
"""
