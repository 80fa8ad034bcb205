import type { UdpForm } from "../../src/transport/udp/socket.ts";
import { loadSystemCalls } from "../../src/transport/udp/system-calls.ts";

/** The forms that move datagrams on this system; see UdpForm. */
const FORMS = process.platform === "linux" ? (["batched", "dgram"] as const) : (["dgram"] as const);

const { TEST_UDP } = process.env;
if (TEST_UDP !== undefined && !FORMS.some((form) => form === TEST_UDP)) {
  throw new Error(`TEST_UDP=${TEST_UDP}: there is ${FORMS.join(" and ")}`);
}
// Where datagrams cannot be moved in bursts a gateway says so and moves them one by one; a test has to fail there.
if (TEST_UDP === "batched") {
  const calls = await loadSystemCalls();
  if (typeof calls === "string") throw new Error(`TEST_UDP=batched: ${calls}`);
}

/** The form that TEST_UDP asks of every gateway that a test starts; undefined = the gateway's own choice. */
export const wishedUdpForm = TEST_UDP as Exclude<UdpForm, "auto"> | undefined;

/** The forms for tests that try each of them: all, or the one that TEST_UDP names. */
export const udpForms = FORMS.filter((form) => wishedUdpForm === undefined || form === wishedUdpForm);

/** What TEST_UDP means in the environment of a gateway under test. */
export const udpEnvironment: NodeJS.ProcessEnv = wishedUdpForm === undefined ? {} : { WAYPOST_UDP: wishedUdpForm };
