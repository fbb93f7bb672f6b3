// What needs no browser: a token, and an act of the backend.

const SECRET = process.env.ROOM_SECRET;

export const token = ({ user }) => `${user} vouched for by ${SECRET.length}`;
export const fail = () => {
  throw new Error("no more tokens today");
};
export const admin = {
  kick: ({ user }, endpoints) => ({ kicked: user, at: endpoints }),
};
