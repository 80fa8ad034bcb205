// Numbers of methods, for both languages; 0 is any other one.

export const OTHER_METHOD = 0;
export const INVITE = 1;
export const ACK = 2;
export const BYE = 3;
export const CANCEL = 4;
export const INFO = 5;
export const OPTIONS = 6;
export const SUBSCRIBE = 7;
export const NOTIFY = 8;
export const MESSAGE = 9;
export const REGISTER = 10;
export const UPDATE = 11;
export const SERVICE = 12;
export const PRACK = 13;
export const REFER = 14;
export const PUBLISH = 15;
