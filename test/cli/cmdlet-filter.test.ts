import t from "tap";
import { filter } from "../../src/cli/cmdlets/filter.ts";

const NAMES = ["SipAddress", "DisplayName", "Port", "Enabled"];
const ROW = { SipAddress: "sip:chat.one@contoso.com", DisplayName: "Chat rooms", Port: null, Enabled: true };
const fits = (text: string) => filter(text, NAMES)(ROW);

t.test("-eq and -ne compare whole values without case", async (t) => {
  t.ok(fits('{SipAddress -eq "SIP:chat.one@CONTOSO.com"}'));
  t.ok(fits("displayname -EQ 'chat ROOMS'"));
  t.notOk(fits('SipAddress -eq "sip:chat"'));
  t.ok(fits('SipAddress -ne "sip:chat"'));
  t.notOk(fits('SipAddress -ne "sip:chat.one@contoso.com"'));
});

t.test("-like and -notlike know * and ?, and take all else literally", async (t) => {
  t.ok(fits('SipAddress -like "*@contoso.com"'));
  t.ok(fits('DisplayName -like "chat ?ooms"'));
  t.notOk(fits('SipAddress -like "*@contoso+com"'));
  t.notOk(fits('SipAddress -like "sip:chatxone@*"'), "a dot is a dot");
  t.ok(fits('SipAddress -notlike "*@fabrikam.com"'));
});

t.test("$true, $false and $null", async (t) => {
  t.ok(fits("Enabled -eq $true"));
  t.notOk(fits("Enabled -eq $false"));
  t.ok(fits("Port -eq $null"));
  t.throws(() => fits("SipAddress -eq $address"), { code: "USAGE", message: /variable \$address/ });
});

t.test("-and and -or join from left to right", async (t) => {
  t.ok(fits('Enabled -eq $true -and SipAddress -like "sip:*"'));
  t.notOk(fits("Enabled -eq $false -and Port -eq $null"));
  t.ok(fits("Enabled -eq $false -or Port -eq $null"));
  t.notOk(fits("Enabled -eq $true -or Enabled -eq $true -and Enabled -eq $false"), "left to right");
});

t.test("what is not understood is refused with what is", async (t) => {
  for (const [text, why] of [
    ['Name -eq "x"', /"Name" is no property; there are SipAddress, DisplayName/],
    ["Port -gt 5", /"-gt" is no operator known here/],
    ["SipAddress -eq", /three parts/],
    ["", /three parts/],
    ['SipAddress -eq "x" -xor Port -eq 1', /"-xor" stands where -and or -or/],
    ['(SipAddress -eq "x")', /"\(SipAddress" is no property/],
    ['SipAddress -eq "x', /the quote " is not closed/],
  ] as const) {
    t.throws(() => fits(text), { code: "USAGE", message: why }, text);
  }
});
